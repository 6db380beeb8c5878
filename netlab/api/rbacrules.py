"""Nobody may hand out rights they lack: writing roles and bindings is checked against one's own rules."""

from . import status
from .rbac import EVERYTHING, Access, Authorizer
from .request import Call

_GROUP = "rbac.authorization.k8s.io"


class RoleGuard:
    def __init__(self, authorizer: Authorizer):
        self._authorizer = authorizer

    def check(self, call: Call, obj: dict) -> None:
        """Raises ApiError (403) when a role or binding grants more than its writer has."""
        if call.kind.group != _GROUP:
            return
        name = obj["metadata"].get("name", "")
        granted = self._granted(call, obj)
        if self._may(call, "escalate" if call.kind.name.endswith("Role") else "bind", name, obj):
            return
        if "aggregationRule" in obj and self._authorizer.escalates(call.user, EVERYTHING, ""):
            why = "must have cluster-admin privileges to use the aggregationRule"
            raise status.forbidden(call.kind, name, why)
        excess = self._authorizer.escalates(call.user, granted, call.namespace or "")
        if excess:
            groups = ", ".join(f'"{group}"' for group in call.user.groups)
            why = (
                f'user "{call.user.name}" (groups=[{groups}]) is attempting to grant RBAC permissions not'
                f" currently held:\n{_told(excess)}"
            )
            raise status.forbidden(call.kind, name, why)

    def _granted(self, call: Call, obj: dict) -> list[dict]:
        if call.kind.name.endswith("Role"):
            return obj.get("rules", [])
        reference = obj.get("roleRef", {})
        if not reference.get("kind") or not reference.get("name"):
            return []  # the rules refuse it afterwards
        return self._authorizer.role_rules(reference, call.namespace or "")

    def _may(self, call: Call, verb: str, name: str, obj: dict) -> bool:
        resource = call.kind.plural
        if verb == "bind":
            reference = obj.get("roleRef", {})
            resource, name = f"{reference.get('kind', '').lower()}s", reference.get("name", "")
        return self._authorizer.allows(call.user, Access(verb, _GROUP, resource, call.namespace or "", name))


def _told(rules: list[dict]) -> str:
    def listed(values: list[str]) -> str:
        return "[" + ", ".join(f'"{value}"' for value in values) + "]"

    lines = []
    for rule in rules:
        parts = [f"{key[0].upper()}{key[1:]}:{listed(values)}" for key, values in rule.items() if values]
        lines.append("{" + ", ".join(parts) + "}")
    return "\n".join(lines)
