"""Small keepers: the status of ResourceQuotas, pods that nobody can end, and the end of old Events."""

from collections.abc import Iterable

from netlab.schema.fields import COMPUTE, counted_resource
from netlab.schema.quantities import written
from netlab.store import Event, Store, clock, is_deleting, key_of

from . import podset, quota
from .manager import Key, StoreController

_EVENT_SECONDS = 3600
_MOST_EVENTS = 2000
_LOOK_EVERY = 100  # new events between two looks


class QuotaController(StoreController):
    name = "quota"

    def concerned(self, event: Event) -> Iterable[Key]:
        namespace = event.object["metadata"].get("namespace")
        if event.resource == "resourcequotas" and event.type != "DELETED":
            yield namespace, event.object["metadata"]["name"]
        elif namespace and event.resource != "events":
            for found in self._store.list("resourcequotas", namespace):
                if any(quota.concerns(key, event.resource) for key in found.get("spec", {}).get("hard", {})):
                    yield namespace, found["metadata"]["name"]

    def sync(self, key: Key) -> None:
        found = self._store.find("resourcequotas", *key)
        if found is None:
            return
        hard = found.get("spec", {}).get("hard", {})
        known = [k for k in hard if counted_resource(k) or k in COMPUTE]
        used = {k: written(quota.usage(self._store, found, k), k) for k in known}
        status = {"hard": {k: hard[k] for k in used}, "used": used}
        podset.set_status(self._store, "resourcequotas", found, status)


class PodKeeper(StoreController):
    """Removes a pod being deleted whose node does not exist: no kubelet will ever report it gone."""

    name = "podgc"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "pods" and is_deleting(event.object):
            yield key_of(event.object)
        elif event.resource == "nodes" and event.type == "DELETED":
            yield from map(key_of, filter(is_deleting, self._store.list("pods")))

    def sync(self, key: Key) -> None:
        pod = self._store.find("pods", *key)
        if pod and is_deleting(pod) and not self._store.find("nodes", None, pod["spec"].get("nodeName", "")):
            self._store.delete("pods", *key, grace=0)


class EventKeeper:
    """Events live an hour; a flood of them loses its oldest."""

    name = "events"

    def __init__(self, store: Store):
        self._store, self._added = store, 0

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "events" and event.type == "ADDED":
            self._added += 1
            if self._added % _LOOK_EVERY == 1:
                yield ("all",)

    def sync(self, key: Key) -> float:
        found = sorted(self._store.list("events"), key=_last_seen)
        surplus = len(found) - _MOST_EVENTS
        for index, event in enumerate(found):
            if index < surplus or clock.seconds_since(_last_seen(event)) > _EVENT_SECONDS:
                self._store.delete("events", *key_of(event))
        return _EVENT_SECONDS / 10


def _last_seen(event: dict) -> str:
    return event.get("lastTimestamp") or event["metadata"]["creationTimestamp"]
