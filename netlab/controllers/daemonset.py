"""DaemonSets: one pod on every node that will have it, replaced node by node when the template changes."""

from collections.abc import Iterable

from netlab.store import Event, clone, is_deleting, key_of

from . import placement, podset, revisions
from .manager import Key, StoreController
from .revisions import HASH

RESOURCE = "daemonsets.apps"
_COMPONENT = "daemonset-controller"
# Daemons stay where ordinary pods would have to leave.
_TOLERATED = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)


class DaemonSetController(StoreController):
    name = "daemonset"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "nodes":
            yield from map(key_of, self._store.list(RESOURCE))
        else:
            yield from podset.owner_concerned(event, RESOURCE, "DaemonSet")

    def sync(self, key: Key) -> float | None:
        owner = self._store.find(RESOURCE, *key)
        if owner is None:
            return None
        refused, digest = None, revisions.note(self._store, owner)["metadata"]["labels"][HASH]
        if not is_deleting(owner):
            refused = self._place(owner, digest)
            self._roll(owner, digest)
        pods = self._pods(owner)
        self._report(self._store.get(RESOURCE, *key), pods, digest)
        waiting = podset.seconds_until_available(pods, owner["spec"].get("minReadySeconds", 0))
        return podset.RETRY_REFUSED if refused else waiting

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
        most = strategy.get("rollingUpdate", {}).get("maxUnavailable", 1)
        allowed = podset.bound(most, len(self._eligible(owner)))
        broken = [pod for pod in old if not podset.is_available(pod, patience)]
        healthy = [pod for pod in old if podset.is_available(pod, patience)]
        for pod in [*broken, *healthy[: max(0, allowed - down)]]:
            podset.delete(self._store, owner, pod, component=_COMPONENT)

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
