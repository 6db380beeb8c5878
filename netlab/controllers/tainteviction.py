"""NoExecute taints: a pod that does not tolerate one leaves its node, at once or when its time is over.

The time runs from the taint's `timeAdded`, where it has one, else from when it was first seen here.
"""

import contextlib
import time
from collections.abc import Iterable

from netlab.store import Event, NotFound, Store, clock, events, full_name, is_deleting, key_of

from .manager import Key
from .placement import tolerates_for

_COMPONENT = "taint-eviction-controller"


class TaintEvictionController:
    name = _COMPONENT

    def __init__(self, store: Store):
        self._store = store
        self._seen: dict[tuple[str, str, str], float] = {}  # node, key, value -> when, on the monotonic clock

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "nodes":
            yield (event.object["metadata"]["name"],)
        elif event.resource == "pods" and event.type != "DELETED" and event.object["spec"].get("nodeName"):
            yield (event.object["spec"]["nodeName"],)

    def sync(self, key: Key) -> float | None:
        node = self._store.find("nodes", None, *key)
        taints = [] if node is None else _no_execute(node)
        self._remember(key[0], taints)
        if not taints:
            return None
        waits = [self._judge(pod, key[0], taints) for pod in self._pods_on(key[0])]
        return min((wait for wait in waits if wait is not None), default=None)

    def _remember(self, node: str, taints: list[dict]) -> None:
        present = {(node, taint["key"], taint.get("value", "")) for taint in taints}
        for known in [known for known in self._seen if known[0] == node and known not in present]:
            del self._seen[known]
        for one in present:
            self._seen.setdefault(one, time.monotonic())

    def _pods_on(self, node: str) -> list[dict]:
        here = [pod for pod in self._store.list("pods") if pod["spec"].get("nodeName") == node]
        return [pod for pod in here if not is_deleting(pod)]

    def _judge(self, pod: dict, node: str, taints: list[dict]) -> float | None:
        """Delete the pod when its time is over, else the seconds until then; None means never."""
        waits = [
            tolerated - self._age(node, taint)
            for taint in taints
            if (tolerated := tolerates_for(pod["spec"], taint)) is not None
        ]
        soonest = min(waits, default=None)
        if soonest is None or soonest > 0:
            return soonest
        told = f"Marking for deletion Pod {full_name(pod)}"
        events.record(self._store, pod, "TaintManagerEviction", told, component=_COMPONENT)
        with contextlib.suppress(NotFound):
            self._store.delete("pods", *key_of(pod))
        return None

    def _age(self, node: str, taint: dict) -> float:
        if taint.get("timeAdded"):
            return clock.seconds_since(taint["timeAdded"])
        return time.monotonic() - self._seen[node, taint["key"], taint.get("value", "")]


def _no_execute(node: dict) -> list[dict]:
    return [taint for taint in node["spec"].get("taints") or [] if taint["effect"] == "NoExecute"]
