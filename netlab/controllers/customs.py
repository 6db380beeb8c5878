"""CustomResourceDefinitions: their conditions, and the end of what they defined when they go."""

from collections.abc import Iterable

from netlab.schema.catalogue import conflict
from netlab.schema.customs import DEFINITIONS, kinds_of
from netlab.store import Event, clock, is_deleting

from .manager import Key, StoreController

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionController(StoreController):
    """Accepts names nobody has; a definition being deleted goes after its last object."""

    name = "customresourcedefinitions"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == DEFINITIONS:
            for crd in self._store.list(DEFINITIONS):  # a name that came free may be another's now
                yield (crd["metadata"]["name"],)
        elif event.type == "DELETED" and "." in event.resource:
            yield (event.resource,)

    def sync(self, key: Key) -> None:
        crd = self._store.find(DEFINITIONS, None, key[0])
        if crd is None:
            return
        if is_deleting(crd):
            self._empty(crd)
        else:
            self._store.mutate(DEFINITIONS, None, key[0], self._settle)

    def _empty(self, crd: dict) -> None:
        resource = crd["metadata"]["name"]
        for obj in self._store.list(resource):
            if not is_deleting(obj):
                self._store.delete(resource, obj["metadata"].get("namespace"), obj["metadata"]["name"])
        if not self._store.list(resource) and CLEANUP in crd["metadata"].get("finalizers", []):
            self._store.mutate(DEFINITIONS, None, resource, _let_go)

    def _settle(self, crd: dict) -> None:
        finalizers = crd["metadata"].setdefault("finalizers", [])
        if CLEANUP not in finalizers:
            finalizers.append(CLEANUP)
        taken = self._conflict(crd)
        status = crd.setdefault("status", {})
        _put_condition(status, "NamesAccepted", not taken, "NoConflicts", "no conflicts found", taken)
        words = ("InitialNamesAccepted", "the initial names have been accepted")
        _put_condition(
            status, "Established", not taken, *words, "not all names are accepted" if taken else ""
        )
        status["acceptedNames"] = {"kind": "", "plural": ""} if taken else dict(crd["spec"]["names"])
        stored = status.setdefault("storedVersions", [])
        stored += [v["name"] for v in crd["spec"]["versions"] if v["storage"] and v["name"] not in stored]

    def _conflict(self, crd: dict) -> str:
        older = []
        for other in self._store.list(DEFINITIONS):
            if _rank(other) < _rank(crd):
                older += kinds_of(other)
        for kind in kinds_of(crd):
            same = [one for one in older if one.api_version == kind.api_version]
            if why := conflict(kind, same):
                return why
        return ""


def _rank(crd: dict) -> tuple[str, str]:
    return crd["metadata"]["creationTimestamp"], crd["metadata"]["name"]


def _let_go(crd: dict) -> None:
    crd["metadata"]["finalizers"].remove(CLEANUP)


def _put_condition(status: dict, kind: str, good: bool, reason: str, message: str, trouble: str) -> None:
    conditions = status.setdefault("conditions", [])
    value = "True" if good else "False"
    before = next((c for c in conditions if c["type"] == kind), None)
    if before and before["status"] == value:
        return
    if before:
        conditions.remove(before)
    told = (reason, message) if good else ("NamesConflict", trouble)
    conditions.append(
        {
            "type": kind,
            "status": value,
            "reason": told[0],
            "message": told[1],
            "lastTransitionTime": clock.now(),
        }
    )
