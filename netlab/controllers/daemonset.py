"""DaemonSets: one pod on every node that will have it, replaced node by node when the template changes."""

from collections.abc import Iterable

from netlab.store import Event, Store, clone, controller_of, is_deleting, owner_reference

from . import placement, podset
from .deployment import template_hash
from .manager import Key

RESOURCE = "daemonsets.apps"
REVISIONS = "controllerrevisions.apps"
HASH = "controller-revision-hash"
_COMPONENT = "daemonset-controller"
_RETRY_REFUSED = 5.0
# Daemons stay where ordinary pods would have to leave.
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSetController:
    name = "daemonset"

    def __init__(self, store: Store):
        self._store = store

    def concerned(self, event: Event) -> Iterable[Key]:
        meta = event.object["metadata"]
        if event.resource == RESOURCE:
            yield meta["namespace"], meta["name"]
        elif event.resource == "pods":
            controller = controller_of(event.object)
            if controller and controller["kind"] == "DaemonSet":
                yield meta["namespace"], controller["name"]
        elif event.resource == "nodes":
            for owner in self._store.list(RESOURCE):
                yield owner["metadata"]["namespace"], owner["metadata"]["name"]

    def sync(self, key: Key) -> float | None:
        owner = self._store.find(RESOURCE, *key)
        if owner is None:
            return None
        refused, digest = None, self._revision(owner)
        if not is_deleting(owner):
            refused = self._place(owner, digest)
            self._roll(owner, digest)
        pods = self._pods(owner)
        self._report(self._store.get(RESOURCE, *key), pods, digest)
        waiting = podset.seconds_until_available(pods, owner["spec"].get("minReadySeconds", 0))
        return _RETRY_REFUSED if refused else waiting

    def _pods(self, owner: dict) -> list[dict]:
        return [pod for pod in podset.claim(self._store, owner) if not is_deleting(pod)]

    def _place(self, owner: dict, digest: str) -> str | None:
        """One pod on each node that will have it, none elsewhere; the reason when one was refused."""
        pods = podset.claim(self._store, owner)  # a leaving pod still holds its node
        wanted = {node["metadata"]["name"] for node in self._eligible(owner)}
        placed: dict[str, list[dict]] = {}
        for pod in pods:
            placed.setdefault(node_of(pod), []).append(pod)
        for node, here in placed.items():
            self._thin_out(owner, here, keep=1 if node in wanted else 0)
        for node in sorted(wanted - set(placed)):
            pod = _pod_for(owner, node, digest)
            refused = podset.create(self._store, owner, pod, component=_COMPONENT)
            if refused:
                return refused
        return None

    def _thin_out(self, owner: dict, pods: list[dict], *, keep: int) -> None:
        living = [pod for pod in pods if not is_deleting(pod)]
        ended = [pod for pod in living if not podset.is_active(pod)]
        active = [pod for pod in living if podset.is_active(pod)]
        for pod in [*ended, *active[keep:]]:
            podset.delete(self._store, owner, pod, component=_COMPONENT)

    def _eligible(self, owner: dict) -> list[dict]:
        spec = clone(owner["spec"]["template"]["spec"])
        spec.setdefault("tolerations", []).extend(_tolerations())
        return [node for node in self._store.list("nodes") if _suits(spec, node)]

    def _roll(self, owner: dict, digest: str) -> None:
        """Delete pods of an older template, as many at a time as may be missing."""
        strategy = owner["spec"]["updateStrategy"]
        if strategy["type"] != "RollingUpdate":
            return
        pods = self._pods(owner)
        patience = owner["spec"].get("minReadySeconds", 0)
        old = [pod for pod in pods if pod["metadata"]["labels"].get(HASH) != digest]
        down = len(self._eligible(owner)) - sum(podset.is_available(pod, patience) for pod in pods)
        allowed = _allowed_down(strategy, len(self._eligible(owner)))
        broken = [pod for pod in old if not podset.is_available(pod, patience)]
        healthy = [pod for pod in old if podset.is_available(pod, patience)]
        for pod in [*broken, *healthy[: max(0, allowed - down)]]:
            podset.delete(self._store, owner, pod, component=_COMPONENT)

    def _revision(self, owner: dict) -> str:
        """The hash of the present template, noted as a ControllerRevision for `rollout history`."""
        digest, meta = template_hash(owner["spec"]["template"]), owner["metadata"]
        name, namespace = f"{meta['name']}-{digest}", meta["namespace"]
        own = [
            r
            for r in self._store.list(REVISIONS, namespace)
            if (controller_of(r) or {}).get("uid") == meta["uid"]
        ]
        newest = max((r["revision"] for r in own), default=0)
        present = next((r for r in own if r["metadata"]["name"] == name), None)
        if present is None:
            self._store.create(REVISIONS, _new_revision(owner, name, digest, newest + 1))
        elif present["revision"] < newest:
            self._store.mutate(REVISIONS, namespace, name, lambda r: r.update(revision=newest + 1))
        stale = sorted((r for r in own if r["metadata"]["name"] != name), key=lambda r: r["revision"])
        for revision in stale[: max(0, len(stale) - owner["spec"]["revisionHistoryLimit"])]:
            self._store.delete(REVISIONS, namespace, revision["metadata"]["name"])
        return digest

    def _report(self, owner: dict, pods: list[dict], digest: str) -> None:
        eligible = {node["metadata"]["name"] for node in self._eligible(owner)}
        right = [pod for pod in pods if node_of(pod) in eligible]
        patience = owner["spec"].get("minReadySeconds", 0)
        available = sum(podset.is_available(pod, patience) for pod in right)
        status = {
            "currentNumberScheduled": len({node_of(pod) for pod in right}),
            "numberMisscheduled": len(pods) - len(right),
            "desiredNumberScheduled": len(eligible),
            "numberReady": sum(map(podset.is_ready, right)),
            "observedGeneration": owner["metadata"]["generation"],
        }
        optional = {
            "updatedNumberScheduled": sum(p["metadata"]["labels"].get(HASH) == digest for p in right),
            "numberAvailable": available,
            "numberUnavailable": len(eligible) - available,
        }
        status.update({name: count for name, count in optional.items() if count})
        podset.set_status(self._store, RESOURCE, owner, status)


def _suits(spec: dict, node: dict) -> bool:
    return not placement.taint_reason(spec, node) and not placement.selector_reason(spec, node)


def node_of(pod: dict) -> str:
    """The node a daemon's pod is on, or is meant for while it is not yet bound."""
    if pod["spec"].get("nodeName"):
        return pod["spec"]["nodeName"]
    required = pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
    return required["nodeSelectorTerms"][0]["matchFields"][0]["values"][0]


def _pod_for(owner: dict, node: str, digest: str) -> dict:
    pod = podset.from_template(owner, labels={HASH: digest, "pod-template-generation": _generation(owner)})
    spec = pod["spec"]
    spec.setdefault("tolerations", []).extend(_tolerations())
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    affinity = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
    affinity["requiredDuringSchedulingIgnoredDuringExecution"] = {
        "nodeSelectorTerms": [{"matchFields": [field]}]
    }
    return pod


def _generation(owner: dict) -> str:
    return str(owner["metadata"]["generation"])


def _tolerations() -> list[dict]:
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in _TOLERATED]


def _allowed_down(strategy: dict, nodes: int) -> int:
    value = strategy.get("rollingUpdate", {}).get("maxUnavailable", 1)
    if isinstance(value, str) and value.endswith("%"):
        return max(1, -(-nodes * int(value[:-1]) // 100))
    return int(value)


def _new_revision(owner: dict, name: str, digest: str, number: int) -> dict:
    template = {**clone(owner["spec"]["template"]), "$patch": "replace"}
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "labels": {**owner["spec"]["template"]["metadata"].get("labels", {}), HASH: digest},
            "annotations": clone(owner["metadata"].get("annotations", {})),
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": number,
    }
