"""The list of APIServices: one for each group and version there is, all served by this process.

On a real cluster an APIService may lead to another server (metrics-server's does); here nobody can add one.
"""

from collections.abc import Iterable

from netlab.schema.catalogue import Catalogue
from netlab.schema.customs import DEFINITIONS
from netlab.schema.kinds import Kind
from netlab.store import Event, Store, clock

from .manager import Key

RESOURCE = "apiservices.apiregistration.k8s.io"
_PRIORITIES = {"": 18000, "apps": 17800}  # kubectl prefers a resource of the group with the highest
_BUILT_IN, _CUSTOM = (17000, 15), (1000, 100)


class ApiServiceKeeper:
    name = "apiservices"

    def __init__(self, store: Store, catalogue: Catalogue):
        self._store, self._catalogue = store, catalogue

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == DEFINITIONS:
            yield ()

    def sync(self, key: Key) -> None:
        wanted = {_name(kinds[0]): kinds[0] for kinds in self._catalogue.group_versions().values()}
        present = {service["metadata"]["name"] for service in self._store.list(RESOURCE)}
        for name in present - wanted.keys():
            self._store.remove(RESOURCE, None, name)
        for name in wanted.keys() - present:
            self._store.create(RESOURCE, _service(name, wanted[name]))


def _name(kind: Kind) -> str:
    return f"{kind.version}.{kind.group}"  # of the core group `v1.`, as upstream has it


def _service(name: str, kind: Kind) -> dict:
    group_priority, version_priority = _CUSTOM if kind.custom else _BUILT_IN
    local = {
        "type": "Available",
        "status": "True",
        "reason": "Local",
        "message": "Local APIServices are always available",
        "lastTransitionTime": clock.now(),
    }
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": name, "labels": {"kube-aggregator.kubernetes.io/automanaged": "onstart"}},
        "spec": {
            "group": kind.group,
            "version": kind.version,
            "groupPriorityMinimum": _PRIORITIES.get(kind.group, group_priority),
            "versionPriority": version_priority,
        },
        "status": {"conditions": [local]},
    }
