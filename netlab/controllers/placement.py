"""Where may a pod run? The rules of the scheduler, and of DaemonSets, as questions about one node.

Each filter answers None when the node will do, else the reason in the scheduler's own words.
"""

from collections.abc import Callable, Iterable

from netlab.api.selectors import matches
from netlab.store import Store, condition, has_ended, is_deleting

UNSCHEDULABLE = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_TERMS = "requiredDuringSchedulingIgnoredDuringExecution"
_WISHES = "preferredDuringSchedulingIgnoredDuringExecution"
_COMPARE: dict[str, Callable[[str | None, list[str]], bool]] = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
    "Gt": lambda value, values: value is not None and int(value) > int(values[0]),
    "Lt": lambda value, values: value is not None and int(value) < int(values[0]),
}


def tolerates(pod_spec: dict, taint: dict) -> bool:
    return any(_covers(toleration, taint) for toleration in pod_spec.get("tolerations", []))


def tolerates_for(pod_spec: dict, taint: dict) -> float | None:
    """Seconds for which a pod may stay on a node with this taint: 0 for one that must go, None for ever."""
    covering = [each for each in pod_spec.get("tolerations", []) if _covers(each, taint)]
    limits = [each["tolerationSeconds"] for each in covering if each.get("tolerationSeconds") is not None]
    return 0.0 if not covering else min(limits, default=None)


def _covers(toleration: dict, taint: dict) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return toleration.get("value", "") == taint.get("value", "")


def taint_reason(pod_spec: dict, node: dict) -> str | None:
    spec = node.get("spec", {})
    if spec.get("unschedulable") and not tolerates(pod_spec, UNSCHEDULABLE):
        return "node(s) were unschedulable"
    for taint in spec.get("taints", []):
        if taint["effect"] != "PreferNoSchedule" and not tolerates(pod_spec, taint):
            return "node(s) had untolerated taint(s)"
    return None


def readiness_reason(node: dict) -> str | None:
    return None if condition(node, "Ready").get("status") == "True" else "node(s) were not ready"


def selector_reason(pod_spec: dict, node: dict) -> str | None:
    labels = node["metadata"].get("labels", {})
    wanted = pod_spec.get("nodeSelector", {})
    terms = pod_spec.get("affinity", {}).get("nodeAffinity", {}).get(_TERMS, {}).get("nodeSelectorTerms")
    chosen = all(labels.get(key) == value for key, value in wanted.items())
    if chosen and (terms is None or any(node_term_matches(term, node) for term in terms)):
        return None
    return "node(s) didn't match Pod's node affinity/selector"


def node_term_matches(term: dict, node: dict) -> bool:
    labels, fields = node["metadata"].get("labels", {}), {"metadata.name": node["metadata"]["name"]}
    rules = [(labels, rule) for rule in term.get("matchExpressions", [])]
    rules += [(fields, rule) for rule in term.get("matchFields", [])]
    return bool(rules) and all(
        _COMPARE[rule["operator"]](source.get(rule["key"]), rule.get("values", [])) for source, rule in rules
    )


class Neighbours:
    """The placed pods, as affinity sees them: who is in which topology domain."""

    def __init__(self, store: Store):
        self._store = store
        self._nodes = {node["metadata"]["name"]: node for node in store.list("nodes")}
        placed = [pod for pod in store.list("pods") if pod["spec"].get("nodeName") in self._nodes]
        self._placed = [pod for pod in placed if not has_ended(pod)]

    def count_on(self, node: dict, *, owner: str | None = None) -> int:
        """Pods on a node that are not leaving, or only those of one controller (by uid)."""
        name = node["metadata"]["name"]
        here = [p for p in self._placed if p["spec"]["nodeName"] == name and not is_deleting(p)]
        return len(here) if owner is None else sum(owner in _owners(pod) for pod in here)

    def ports_reason(self, pod: dict, node: dict) -> str | None:
        """Each port of a node is one pod's."""
        name, wanted = node["metadata"]["name"], _host_ports(pod)
        here = [p for p in self._placed if wanted and p["spec"]["nodeName"] == name]
        taken = [port for other in here for port in _host_ports(other)]
        clash = any(_clash(one, other) for one in wanted for other in taken)
        return "node(s) didn't have free ports for the requested pod ports" if clash else None

    def affinity_reason(self, pod: dict, node: dict) -> str | None:
        affinity = pod["spec"].get("affinity", {})
        for term in affinity.get("podAntiAffinity", {}).get(_TERMS, []):
            if self._has_neighbour(pod, term, node):
                return "node(s) didn't match pod anti-affinity rules"
        for term in affinity.get("podAffinity", {}).get(_TERMS, []):
            if not self._has_neighbour(pod, term, node) and not self._is_first(pod, term):
                return "node(s) didn't match pod affinity rules"
        if self._is_shunned(pod, node):
            return "node(s) didn't satisfy existing pods anti-affinity rules"
        return None

    def wishes(self, pod: dict, node: dict) -> int:
        """The weight of the preferences this node fulfils."""
        affinity = pod["spec"].get("affinity", {})
        total = 0
        for wish in affinity.get("nodeAffinity", {}).get(_WISHES, []):
            total += wish["weight"] if node_term_matches(wish["preference"], node) else 0
        for name, sign in (("podAffinity", 1), ("podAntiAffinity", -1)):
            for wish in affinity.get(name, {}).get(_WISHES, []):
                total += sign * wish["weight"] * self._has_neighbour(pod, wish["podAffinityTerm"], node)
        shunned = [t for t in node.get("spec", {}).get("taints", []) if t["effect"] == "PreferNoSchedule"]
        return total - 100 * sum(not tolerates(pod["spec"], taint) for taint in shunned)

    def _has_neighbour(self, pod: dict, term: dict, node: dict) -> bool:
        return any(self._fits(term, pod, other) for other in self._in_domain(term, node))

    def _in_domain(self, term: dict, node: dict) -> Iterable[dict]:
        key = term["topologyKey"]
        domain = node["metadata"].get("labels", {}).get(key)
        for other in self._placed:
            labels = self._nodes[other["spec"]["nodeName"]]["metadata"].get("labels", {})
            if domain is not None and labels.get(key) == domain:
                yield other

    def _fits(self, term: dict, pod: dict, other: dict) -> bool:
        if not self._in_namespaces(term, pod, other):
            return False
        return matches(term.get("labelSelector"), other["metadata"].get("labels", {}))

    def _in_namespaces(self, term: dict, pod: dict, other: dict) -> bool:
        namespace = other["metadata"]["namespace"]
        selector = term.get("namespaceSelector")
        if selector is None:
            return namespace in (term.get("namespaces") or [pod["metadata"]["namespace"]])
        found = self._store.find("namespaces", None, namespace) or {"metadata": {}}
        return namespace in term.get("namespaces", []) or matches(
            selector, found["metadata"].get("labels", {})
        )

    def _is_first(self, pod: dict, term: dict) -> bool:
        """Nobody matches yet but the pod itself: else a group could never start."""
        return self._fits(term, pod, pod) and not any(self._fits(term, pod, other) for other in self._placed)

    def _is_shunned(self, pod: dict, node: dict) -> bool:
        for other in self._placed:
            for term in other["spec"].get("affinity", {}).get("podAntiAffinity", {}).get(_TERMS, []):
                home = self._nodes[other["spec"]["nodeName"]]
                if self._fits(term, other, pod) and _same_domain(term["topologyKey"], home, node):
                    return True
        return False


def _same_domain(key: str, one: dict, other: dict) -> bool:
    value = one["metadata"].get("labels", {}).get(key)
    return value is not None and other["metadata"].get("labels", {}).get(key) == value


def _owners(pod: dict) -> set[str]:
    return {reference["uid"] for reference in pod["metadata"].get("ownerReferences", [])}


def _host_ports(pod: dict) -> list[tuple[str, str, int]]:
    """Address ("" for any), protocol and number."""
    ports = [port for container in pod["spec"]["containers"] for port in container.get("ports") or []]
    asked = [port for port in ports if port.get("hostPort")]
    return [(_address(p.get("hostIP")), p.get("protocol", "TCP"), p["hostPort"]) for p in asked]


def _address(text: str | None) -> str:
    return "" if text in (None, "0.0.0.0") else text  # noqa: S104 - it is compared


def _clash(one: tuple[str, str, int], other: tuple[str, str, int]) -> bool:
    return one[1:] == other[1:] and (one[0] == other[0] or "" in (one[0], other[0]))
