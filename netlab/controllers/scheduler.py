"""The scheduler: binds pods to nodes, or says why it cannot.

Among the nodes that pass every filter it takes the one with the most fulfilled preferences, then the
fewest pods of the same controller, then the fewest pods, so that replicas spread.
"""

from collections import Counter
from collections.abc import Iterable

from netlab.store import (
    Event,
    Store,
    clock,
    condition,
    controller_of,
    events,
    full_name,
    has_ended,
    is_deleting,
    key_of,
)

from . import placement, storage
from .manager import Key
from .placement import Neighbours

_COMPONENT = "default-scheduler"
_STORAGE = (storage.CLAIMS, storage.VOLUMES, storage.CLASSES)


class Scheduler:
    name = "scheduler"

    def __init__(self, store: Store):
        self._store = store
        self._waiting: set[Key] = set()

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "pods":
            yield key_of(event.object)
            if _makes_room(event):
                yield from tuple(self._waiting)
        elif event.resource in _STORAGE or (event.resource == "nodes" and _matters(event)):
            yield from tuple(self._waiting)

    def sync(self, key: Key) -> None:
        pod = self._store.find("pods", *key)
        self._waiting.discard(key)
        if pod is None or pod["spec"].get("nodeName") or is_deleting(pod):
            return
        if pod["spec"].get("schedulerName", _COMPONENT) != _COMPONENT:
            return
        neighbours = Neighbours(self._store)
        nodes = self._store.list("nodes")
        if unclaimed := storage.why_pod_waits(self._store, pod):
            self._waiting.add(key)
            return self._refuse(pod, f"0/{len(nodes)} nodes are available: {unclaimed}.")
        reasons = {node["metadata"]["name"]: self._why_not(pod, node, neighbours) for node in nodes}
        fitting = [node for node in nodes if reasons[node["metadata"]["name"]] is None]
        if not fitting:
            self._waiting.add(key)
            return self._refuse(pod, explain(list(reasons.values())))
        chosen = min(fitting, key=lambda node: _rank(pod, node, neighbours))
        if storage.select_node(self._store, pod, chosen["metadata"]["name"]):
            self._waiting.add(key)  # until its volumes are there
        else:
            self._bind(pod, chosen)
            for waiting in self._waiting_for_company():  # who waited for this pod's company may go now
                self.sync(waiting)

    def _why_not(self, pod: dict, node: dict, neighbours: Neighbours) -> str | None:
        return why_not(pod, node, neighbours) or storage.why_not_on(self._store, pod, node)

    def _waiting_for_company(self) -> list[Key]:
        def hopes(key: Key) -> bool:
            pod = self._store.find("pods", *key)
            return pod is not None and "podAffinity" in pod["spec"].get("affinity", {})

        return [key for key in self._waiting if hopes(key)]

    def _bind(self, pod: dict, node: dict) -> None:
        name = node["metadata"]["name"]

        def bind(p: dict) -> None:
            p["spec"]["nodeName"] = name
            _set_condition(p, {"type": "PodScheduled", "status": "True"})

        bound = self._store.mutate("pods", *key_of(pod), bind)
        told = f"Successfully assigned {full_name(pod)} to {name}"
        events.record(self._store, bound, "Scheduled", told, component=_COMPONENT)

    def _refuse(self, pod: dict, message: str) -> None:
        wanted = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        told = condition(pod, "PodScheduled")
        if (told.get("status"), told.get("message")) == ("False", message):
            return
        pod = self._store.mutate("pods", *key_of(pod), lambda p: _set_condition(p, wanted))
        events.record(self._store, pod, "FailedScheduling", message, type="Warning", component=_COMPONENT)


def why_not(pod: dict, node: dict, neighbours: Neighbours) -> str | None:
    spec = pod["spec"]
    return (
        placement.readiness_reason(node)
        or placement.taint_reason(spec, node)
        or placement.selector_reason(spec, node)
        or neighbours.ports_reason(pod, node)
        or neighbours.affinity_reason(pod, node)
    )


def explain(reasons: list[str]) -> str:
    """0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 node(s) were unschedulable."""
    if not reasons:
        return "no nodes available to schedule pods"
    counted = ", ".join(f"{count} {reason}" for reason, count in sorted(Counter(reasons).items()))
    return f"0/{len(reasons)} nodes are available: {counted}."


def _rank(pod: dict, node: dict, neighbours: Neighbours) -> tuple:
    owner = controller_of(pod)
    companions = neighbours.count_on(node, owner=owner["uid"]) if owner else 0
    return -neighbours.wishes(pod, node), companions, neighbours.count_on(node), node["metadata"]["name"]


def _makes_room(event: Event) -> bool:
    """A pod has gone or ended: whoever waits may look again."""
    return event.type == "DELETED" or (has_ended(event.object) and not has_ended(event.previous or {}))


def _matters(event: Event) -> bool:
    """A heartbeat changes nothing for the scheduler."""
    if event.type != "MODIFIED":
        return True

    def view(node: dict) -> tuple:
        return node.get("spec"), node["metadata"].get("labels"), placement.readiness_reason(node)

    return view(event.object) != view(event.previous)


def _set_condition(pod: dict, wanted: dict) -> None:
    status = pod.setdefault("status", {})
    others = [c for c in status.get("conditions", []) if c["type"] != wanted["type"]]
    status["conditions"] = [*others, {**wanted, "lastTransitionTime": clock.now()}]
