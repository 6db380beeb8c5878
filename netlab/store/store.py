"""The objects of the cluster: in memory, synchronous, single-threaded, with versions and watches.

Resources are named `pods`, `deployments.apps`: plural, then the group if there is one. Whatever is
returned is shared: treat it as read-only and `clone` before editing. A stored object is never edited in
place; each change stores a new one under a new resourceVersion and appends one event to the log.
"""

from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress

from . import clock
from .errors import AlreadyExists, Conflict, Expired, NotFound
from .objects import clone, has_ended, has_labels, is_deleting, key_of, new_uid, random_suffix, sharing
from .watch import ChangeLog, Event, Watch

# Set by the store and never by a writer.
_FIXED = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
# Kinds whose metadata.generation counts changes of the desired state.
_COUNTED = {
    "customresourcedefinitions.apiextensions.k8s.io",
    "pods",
    "deployments.apps",
    "replicasets.apps",
    "replicationcontrollers",
    "daemonsets.apps",
    "statefulsets.apps",
    "cronjobs.batch",
    "poddisruptionbudgets.policy",
    "networkpolicies.networking.k8s.io",
    "validatingadmissionpolicies.admissionregistration.k8s.io",
    "validatingadmissionpolicybindings.admissionregistration.k8s.io",
    "ingresses.networking.k8s.io",
    "endpointslices.discovery.k8s.io",
}
_NOT_DESIRED = ("metadata", "status", "apiVersion", "kind")


class Store:
    def __init__(self):
        self._objects: dict[str, dict[tuple[str, str], dict]] = defaultdict(dict)
        self._log = ChangeLog()
        self._counted = set(_COUNTED)

    def count_generations(self, resource: str) -> None:
        """Objects of this resource have a `metadata.generation` from now on."""
        self._counted.add(resource)

    @property
    def version(self) -> int:
        """The resourceVersion of the newest change."""
        return self._log.head

    def get(self, resource: str, namespace: str | None, name: str) -> dict:
        try:
            return self._objects[resource][namespace or "", name]
        except KeyError:
            raise NotFound(resource, name) from None

    def find(self, resource: str, namespace: str | None, name: str) -> dict | None:
        return self._objects[resource].get((namespace or "", name))

    def list(self, resource: str, namespace: str | None = None, *, labels: dict | None = None) -> list[dict]:
        """All objects, or one namespace's, ordered by namespace and name."""
        return [
            obj
            for key, obj in sorted(self._objects[resource].items())
            if (namespace is None or key[0] == namespace) and has_labels(obj, labels)
        ]

    def create(self, resource: str, obj: dict, *, dry_run: bool = False, uid: str | None = None) -> dict:
        """Store a new object; `metadata.generateName` gets a suffix. Raises AlreadyExists.

        A dry run answers with what would be stored. `uid` is for what had to be named before it exists.
        """
        obj = clone(obj)
        meta = obj["metadata"]
        if not meta.get("name"):
            meta["name"] = meta["generateName"] + random_suffix()
        if key_of(obj) in self._objects[resource]:
            raise AlreadyExists(resource, meta["name"])
        for field in _FIXED:
            meta.pop(field, None)
        meta["uid"], meta["creationTimestamp"] = uid or new_uid(), clock.now()
        if resource in self._counted:
            meta["generation"] = 1
        if dry_run:
            return obj
        return self._put("ADDED", resource, obj, None)

    def update(self, resource: str, obj: dict, *, dry_run: bool = False) -> dict:
        """Replace an object. A resourceVersion in it must be the current one, else Conflict; "0" is none.

        Writing what is already there changes nothing. Taking the last finalizer off an object that is
        being deleted removes it.
        """
        old = self.check_precondition(resource, obj)
        new = clone(obj)
        self._carry_over(resource, new, old)
        if new == old:
            return old
        if dry_run:
            return new
        if _may_go(new):
            return self._erase(resource, new)
        return self._put("MODIFIED", resource, new, old)

    def mutate(self, resource: str, namespace: str | None, name: str, fn: Callable[[dict], object]) -> dict:
        """Let `fn` edit a copy in place, then store it if anything changed."""
        obj = clone(self.get(resource, namespace, name))
        fn(obj)
        return self.update(resource, obj)

    def delete(self, resource: str, namespace: str | None, name: str, *, grace: int | None = None) -> dict:
        """Ask for deletion: at once, or marked when finalizers or a pod's grace period stand before it.

        `grace` in seconds counts for pods only; None means the pod's own terminationGracePeriodSeconds.
        Returns the object as it is now stored, or as it was last.
        """
        old = self.get(resource, namespace, name)
        grace = _grace_period(resource, old, grace)
        if is_deleting(old) and grace >= old["metadata"].get("deletionGracePeriodSeconds", 0):
            return self._erase(resource, old) if _may_go(old) else old
        new = clone(old)
        new["metadata"]["deletionTimestamp"] = clock.now(offset=grace)
        new["metadata"]["deletionGracePeriodSeconds"] = grace
        if resource == "namespaces":
            new.setdefault("status", {})["phase"] = "Terminating"
        if _may_go(new):
            return self._erase(resource, old)
        if resource in self._counted:
            new["metadata"]["generation"] = new["metadata"].get("generation", 0) + 1
        return self._put("MODIFIED", resource, new, old)

    def remove(self, resource: str, namespace: str | None, name: str) -> dict:
        """Erase at once, whatever grace period or finalizers say. Raises NotFound."""
        return self._erase(resource, self.get(resource, namespace, name))

    def resources(self) -> tuple[str, ...]:
        """The names of all resources that have ever held an object."""
        return tuple(self._objects)

    def watch(self, resource: str | None = None, *, since: int | None = None) -> Watch:
        """Changes of one resource (or all) after version `since`, or from now. Raises Expired."""
        return Watch(self._log, resource, self.version if since is None else since)

    async def until(self, since: int, matters: Callable[[Event], bool]) -> None:
        """Returns when there is a change after version `since` that matters, or may have been one."""
        with suppress(Expired):
            async with self.watch(since=since) as changes:
                async for change in changes:
                    if matters(change):
                        return

    def check_precondition(self, resource: str, obj: dict) -> dict:
        """The object as it is stored. Raises Conflict for another one, or an older state of it."""
        old = self.get(resource, *key_of(obj))
        meta, current = obj["metadata"], old["metadata"]
        if meta.get("resourceVersion") not in (None, "", "0", current["resourceVersion"]):
            raise Conflict(resource, meta["name"])
        if meta.get("uid") and meta["uid"] != current["uid"]:
            uids = f"UID in precondition: {meta['uid']}, UID in object meta: {current['uid']}"
            why = f"Precondition failed: {uids}"
            raise Conflict(resource, meta["name"], why)
        return old

    def _carry_over(self, resource: str, new: dict, old: dict) -> None:
        meta = new["metadata"]
        for field in (*_FIXED, "resourceVersion", "generateName"):
            meta.pop(field, None)
            if field in old["metadata"]:
                meta[field] = old["metadata"][field]
        if resource in self._counted and _desired(new) != _desired(old):
            meta["generation"] = old["metadata"].get("generation", 0) + 1

    def _put(self, kind: str, resource: str, obj: dict, previous: dict | None) -> dict:
        rv = self._log.next_version()
        obj["metadata"]["resourceVersion"] = str(rv)
        if previous:
            obj = sharing(obj, previous)
        self._objects[resource][key_of(obj)] = obj
        self._log.append(Event(kind, resource, obj, previous, rv))
        return obj

    def _erase(self, resource: str, obj: dict) -> dict:
        previous = self._objects[resource].pop(key_of(obj))
        rv = self._log.next_version()
        last = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(rv)}}
        self._log.append(Event("DELETED", resource, last, previous, rv))
        return last


def _desired(obj: dict) -> dict:
    return {key: value for key, value in obj.items() if key not in _NOT_DESIRED}


def _may_go(obj: dict) -> bool:
    meta = obj["metadata"]
    held = meta.get("finalizers") or obj.get("spec", {}).get("finalizers")
    return is_deleting(obj) and not held and not meta.get("deletionGracePeriodSeconds")


def _grace_period(resource: str, obj: dict, asked: int | None) -> int:
    if resource != "pods":
        return 0
    if not obj["spec"].get("nodeName") or has_ended(obj):
        return 0  # no kubelet has anything to stop
    return obj["spec"].get("terminationGracePeriodSeconds", 30) if asked is None else asked
