"""All kinds a cluster serves now: the built-in table, and what its CustomResourceDefinitions add.

It is asked with every request, and looks at the definitions anew only when one has changed, so that a new
kind is there with the next request and the same Kind objects are given until then.
"""

from netlab.store import Store

from .customs import DEFINITIONS, kinds_of
from .kinds import KINDS, Kind


class Catalogue:
    def __init__(self, store: Store):
        self._store = store
        self._known: dict[str, tuple[str, list[Kind]]] = {}  # by name of the definition, and its version
        self._versions: dict[str, list[Kind]] = {}
        self._by_path: dict[tuple[str, str, str], Kind] = {}
        self._rebuild()

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        self._look()
        return self._by_path.get((group, version, plural))

    def named(self, api_version: str, name: str) -> Kind | None:
        return next((kind for kind in self.group_versions().get(api_version, []) if kind.name == name), None)

    def group_versions(self) -> dict[str, list[Kind]]:
        """`v1`, `apps/v1`, ... each with its kinds, the built-in first."""
        self._look()
        return self._versions

    def _look(self) -> None:
        present = {crd["metadata"]["name"]: crd for crd in self._store.list(DEFINITIONS)}
        now = {name: crd["metadata"]["resourceVersion"] for name, crd in present.items()}
        if now == {name: version for name, (version, _) in self._known.items()}:
            return
        before = self._known
        self._known = {
            name: before[name] if before.get(name, ("",))[0] == now[name] else (now[name], kinds_of(crd))
            for name, crd in sorted(present.items(), key=_age)
        }
        self._rebuild()

    def _rebuild(self) -> None:
        self._versions, self._by_path = {}, {}
        for kind in (*KINDS, *(kind for _, kinds in self._known.values() for kind in kinds)):
            if conflict(kind, self._versions.get(kind.api_version, [])) is None:
                self._versions.setdefault(kind.api_version, []).append(kind)
                self._by_path[kind.group, kind.version, kind.plural] = kind
                if kind.custom:
                    self._store.count_generations(kind.resource)


def conflict(kind: Kind, taken: list[Kind]) -> str | None:
    """Why the kind cannot be served beside those of its group and version: a name that another has."""
    for other in taken:
        if kind.plural == other.plural:
            return f'"{kind.plural}" is already in use'
        if kind.name == other.name:
            return f'"{kind.name}" is already in use'
        if set(kind.short) & set(other.short):
            return f'"{min(set(kind.short) & set(other.short))}" is already in use'
    return None


def _age(item: tuple[str, dict]) -> tuple[str, str]:
    return item[1]["metadata"]["creationTimestamp"], item[0]
