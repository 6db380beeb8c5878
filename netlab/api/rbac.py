"""Role-based access control, enforced from the first request.

A request is allowed when a rule of a role bound to the user, one of their groups or their service
account covers it. Members of system:masters are never asked. Nothing can be denied, only not allowed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.store import Store

from .auth import MASTERS
from .request import User

_GROUP = "rbac.authorization.k8s.io"
EVERYTHING = [
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
]


@dataclass(frozen=True)
class Access:
    """One question: may this be done? `resource` holds the subresource too: `pods/exec`."""

    verb: str
    group: str = ""
    resource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""  # set instead of a resource for paths such as /version

    def describe(self, user: User) -> str:
        """The words in which Kubernetes refuses this."""
        if self.path:
            return f'User "{user.name}" cannot {self.verb} path "{self.path}"'
        where = f'in the namespace "{self.namespace}"' if self.namespace else "at the cluster scope"
        what = f'cannot {self.verb} resource "{self.resource}" in API group "{self.group}"'
        return f'User "{user.name}" {what} {where}'


class Authorizer:
    def __init__(self, store: Store):
        self._store = store

    def allows(self, user: User, access: Access) -> bool:
        if MASTERS in user.groups:
            return True
        return any(_covers(rule, access) for rule in self.rules_for(user, access.namespace))

    def rules_for(self, user: User, namespace: str = "") -> Iterator[dict]:
        """Every rule that applies to the user in a namespace (and cluster-wide)."""
        for binding in self._store.list(f"clusterrolebindings.{_GROUP}"):
            if _binds(binding, user, ""):
                yield from self.role_rules(binding["roleRef"], "")
        for binding in self._store.list(f"rolebindings.{_GROUP}", namespace) if namespace else ():
            if _binds(binding, user, namespace):
                yield from self.role_rules(binding["roleRef"], namespace)

    def all_rules(self, user: User, namespace: str) -> list[dict]:
        """As `rules_for`, with what nobody had to bind: members of system:masters may do anything."""
        return EVERYTHING if MASTERS in user.groups else list(self.rules_for(user, namespace))

    def role_rules(self, role_ref: dict, namespace: str) -> list[dict]:
        if role_ref["kind"] == "Role":
            role = self._store.find(f"roles.{_GROUP}", namespace, role_ref["name"])
        else:
            role = self._store.find(f"clusterroles.{_GROUP}", None, role_ref["name"])
        return (role or {}).get("rules") or []

    def escalates(self, user: User, rules: list[dict], namespace: str) -> list[dict]:
        """The rules that grant more than the user has: nobody may hand out what they lack."""
        if MASTERS in user.groups:
            return []
        own = list(self.rules_for(user, namespace))
        return [rule for rule in rules if not all(_held(own, a) for a in _unfold(rule, namespace))]


def _held(own: list[dict], access: Access) -> bool:
    return any(_covers(rule, access) for rule in own)


def _unfold(rule: dict, namespace: str) -> Iterator[Access]:
    for verb in rule.get("verbs", []):
        for path in rule.get("nonResourceURLs", []):
            yield Access(verb, path=path)
        for group in rule.get("apiGroups", []):
            for resource in rule.get("resources", []):
                for name in rule.get("resourceNames") or [""]:
                    yield Access(verb, group, resource, namespace, name)


def _binds(binding: dict, user: User, namespace: str) -> bool:
    return any(_is_subject(subject, user, namespace) for subject in binding.get("subjects") or [])


def _is_subject(subject: dict, user: User, namespace: str) -> bool:
    if subject["kind"] == "User":
        return subject["name"] == user.name
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    home = subject.get("namespace") or namespace
    return user.name == f"system:serviceaccount:{home}:{subject['name']}"


def _covers(rule: dict, access: Access) -> bool:
    if not _listed(access.verb, rule.get("verbs")):
        return False
    if access.path:
        return any(_path_matches(pattern, access.path) for pattern in rule.get("nonResourceURLs") or [])
    names = rule.get("resourceNames")
    return (
        _listed(access.group, rule.get("apiGroups"))
        and _resource_listed(access.resource, rule.get("resources") or [])
        and (not names or access.name in names)
    )


def _listed(value: str, allowed: list[str] | None) -> bool:
    return bool(allowed) and ("*" in allowed or value in allowed)


def _resource_listed(resource: str, allowed: list[str]) -> bool:
    _, slash, subresource = resource.partition("/")
    return "*" in allowed or resource in allowed or (bool(slash) and f"*/{subresource}" in allowed)


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path
