"""ClusterRoles made of others: the rules of all those that an aggregationRule selects, by their labels."""

from collections.abc import Iterable

from netlab.api import selectors
from netlab.store import Event, clone

from .manager import Key, StoreController

_ROLES = "clusterroles.rbac.authorization.k8s.io"


class RoleAggregator(StoreController):
    name = "clusterroleaggregation"

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == _ROLES:
            for role in self._store.list(_ROLES):
                if role.get("aggregationRule"):
                    yield (role["metadata"]["name"],)

    def sync(self, key: Key) -> None:
        role = self._store.find(_ROLES, None, key[0])
        if role is None or not role.get("aggregationRule"):
            return
        rules = self._collected(role)
        if rules != role.get("rules"):
            self._store.update(_ROLES, {**clone(role), "rules": rules})

    def _collected(self, role: dict) -> list[dict]:
        """Each rule once, in the order of the selectors and of the names of the roles."""
        name, rules = role["metadata"]["name"], []
        for selector in role["aggregationRule"].get("clusterRoleSelectors", []):
            for other in self._store.list(_ROLES):
                chosen = selectors.matches(selector, other["metadata"].get("labels", {}))
                if chosen and other["metadata"]["name"] != name:
                    rules += [clone(rule) for rule in other.get("rules") or [] if rule not in rules]
        return rules
