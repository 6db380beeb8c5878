"""What becomes of a node that is no longer heard of, as in Kubernetes' own controller.

- Its Lease is older than the grace period: its conditions are Unknown, its pods unready, and it is tainted.
- The taint outlasts a pod's tolerationSeconds: the pod is deleted (`tainteviction`), and stays Terminating,
  for nobody there reports it gone.
- It is heard of again: the taints go, and its kubelet reports the rest.
"""

from collections.abc import Iterable

from netlab.node.heartbeat import LEASES, NAMESPACE
from netlab.store import Event, Store, clock, events, is_deleting, key_of

from .manager import Key

GRACE_SECONDS = 40.0
_UNREACHABLE = "node.kubernetes.io/unreachable"
_CONDITIONS = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")
_COMPONENT = "node-controller"


class NodeLifecycleController:
    name = "nodelifecycle"

    def __init__(self, store: Store, grace: float = GRACE_SECONDS):
        self._store, self._grace = store, grace

    def concerned(self, event: Event) -> Iterable[Key]:
        meta = event.object["metadata"]
        is_lease = event.resource == LEASES and meta.get("namespace") == NAMESPACE
        if is_lease or (event.resource == "nodes" and event.type == "ADDED"):
            yield (meta["name"],)
        elif event.resource == "pods" and event.type == "ADDED" and event.object["spec"].get("nodeName"):
            yield (event.object["spec"]["nodeName"],)

    def sync(self, key: Key) -> float | None:
        node = self._store.find("nodes", None, *key)
        if node is None:
            return None
        silent = clock.seconds_since(self._last_heard(node))
        if silent < self._grace:
            self._untaint(node)
            return self._grace - silent
        self._give_up(node)
        return None

    def _last_heard(self, node: dict) -> str:
        lease = self._store.find(LEASES, NAMESPACE, node["metadata"]["name"])
        return lease["spec"]["renewTime"] if lease else node["metadata"]["creationTimestamp"]

    def _untaint(self, node: dict) -> None:
        if _taint_of(node):
            self._store.mutate("nodes", None, node["metadata"]["name"], _remove_taints)

    def _give_up(self, node: dict) -> None:
        name = node["metadata"]["name"]
        if not _taint_of(node):
            self._store.mutate("nodes", None, name, _mark_unknown)
            told = f"Node {name} status is now: NodeNotReady"
            events.record(self._store, node, "NodeNotReady", told, component=_COMPONENT)
        for pod in self._store.list("pods"):
            if pod["spec"].get("nodeName") == name and not is_deleting(pod):
                self._store.mutate("pods", *key_of(pod), _mark_unready)


def _taint_of(node: dict) -> dict | None:
    taints = node["spec"].get("taints") or []
    return next((t for t in taints if (t["key"], t["effect"]) == (_UNREACHABLE, "NoExecute")), None)


def _mark_unknown(node: dict) -> None:
    now = clock.now()
    conditions = node.setdefault("status", {}).setdefault("conditions", [])
    for condition in conditions:
        condition.update(
            status="Unknown",
            reason="NodeStatusUnknown",
            message="Kubelet stopped posting node status.",
            lastTransitionTime=now,
        )
    told = {condition["type"] for condition in conditions}
    conditions += [_never_told(kind, now) for kind in _CONDITIONS if kind not in told]
    taints = [{"key": _UNREACHABLE, "effect": e, "timeAdded": now} for e in ("NoSchedule", "NoExecute")]
    node["spec"].setdefault("taints", []).extend(taints)


def _never_told(kind: str, now: str) -> dict:
    why = {"reason": "NodeStatusNeverUpdated", "message": "Kubelet never posted node status."}
    return {"type": kind, "status": "Unknown", "lastHeartbeatTime": now, "lastTransitionTime": now, **why}


def _remove_taints(node: dict) -> None:
    kept = [taint for taint in node["spec"].pop("taints") if taint["key"] != _UNREACHABLE]
    node["spec"].update({"taints": kept} if kept else {})


def _mark_unready(pod: dict) -> None:
    for condition in pod.get("status", {}).get("conditions") or []:
        if condition["type"] == "Ready" and condition["status"] == "True":
            condition.update(status="False", reason="NodeNotReady", lastTransitionTime=clock.now())
