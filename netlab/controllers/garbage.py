"""Garbage collection: what is owned goes when its last owner has gone.

An index from owner to dependents is kept from the events, so that a deletion costs what it deletes.
An owner deleted with `foreground` waits, held by a finalizer, until its dependents are gone.
"""

from collections import defaultdict
from collections.abc import Iterable

from netlab.store import Event, Store, is_deleting, key_of

from .manager import Key

FOREGROUND = "foregroundDeletion"


class GarbageCollector:
    """Keys are ("uid", owner's uid): what depends on it, and itself if it waits in the foreground."""

    name = "garbage"

    def __init__(self, store: Store):
        self._store = store
        self._living: dict[str, tuple[str, Key]] = {}
        self._dependents: dict[str, set[tuple[str, Key]]] = defaultdict(set)

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == "events":
            return
        meta = event.object["metadata"]
        place = (event.resource, key_of(event.object))
        self._note(event, meta["uid"], place)
        for uid in _owners(event.object):
            if uid not in self._living or self._is_waiting(uid):
                yield ("uid", uid)
        if event.type == "DELETED" or FOREGROUND in meta.get("finalizers", []):
            yield ("uid", meta["uid"])

    def _note(self, event: Event, uid: str, place: tuple[str, Key]) -> None:
        gone = event.type == "DELETED"
        if gone:
            self._living.pop(uid, None)
        else:
            self._living[uid] = place
        before = _owners(event.previous) if event.previous else set()
        now = set() if gone else _owners(event.object)
        for owner in before - now:
            self._dependents[owner].discard(place)
            if not self._dependents[owner]:
                del self._dependents[owner]
        for owner in now:
            self._dependents[owner].add(place)

    def _is_waiting(self, uid: str) -> bool:
        owner = self._find(uid)
        return (
            owner is not None and is_deleting(owner) and FOREGROUND in owner["metadata"].get("finalizers", [])
        )

    def _find(self, uid: str) -> dict | None:
        place = self._living.get(uid)
        return self._store.find(place[0], *place[1]) if place else None

    def sync(self, key: Key) -> None:
        uid = key[1]
        waiting = self._is_waiting(uid)
        if uid in self._living and not waiting:
            return
        for resource, place in sorted(self._dependents.get(uid, ())):
            dependent = self._store.find(resource, *place)
            if dependent and not is_deleting(dependent) and not self._has_other_owner(dependent, uid):
                self._store.delete(resource, *place)
        if waiting and not self._dependents.get(uid):
            self._let_go(uid)
        elif waiting:
            self._let_go_if_empty(uid)

    def _has_other_owner(self, obj: dict, gone: str) -> bool:
        return any(uid != gone and uid in self._living for uid in _owners(obj))

    def _let_go_if_empty(self, uid: str) -> None:
        """The index lags behind deletions of this very sync: ask the store."""
        if not any(self._store.find(resource, *place) for resource, place in self._dependents.get(uid, ())):
            self._let_go(uid)

    def _let_go(self, uid: str) -> None:
        resource, (namespace, name) = self._living[uid]

        def release(obj: dict) -> None:
            obj["metadata"]["finalizers"] = [f for f in obj["metadata"]["finalizers"] if f != FOREGROUND]

        self._store.mutate(resource, namespace, name, release)


def _owners(obj: dict) -> set[str]:
    return {reference["uid"] for reference in obj["metadata"].get("ownerReferences", [])}
