"""The review kinds: questions about identity and access, answered and never stored."""

from netlab.controllers.tokens import ISSUER, BadToken, TokenAuthority

from . import status
from .rbac import Access, Authorizer
from .request import Call, User


class Reviews:
    def __init__(self, authorizer: Authorizer, tokens: TokenAuthority):
        self._authorizer, self._tokens = authorizer, tokens
        self._answers = {
            "LocalSubjectAccessReview": self._of_subject,
            "SelfSubjectAccessReview": self._of_self,
            "SelfSubjectReview": lambda call, review: {"userInfo": call.user.info},
            "SelfSubjectRulesReview": self._rules,
            "SubjectAccessReview": self._of_subject,
            "TokenReview": self._token,
        }

    def answer(self, call: Call, review: dict) -> dict:
        """The review with its status filled in. Raises ApiError."""
        review["status"] = self._answers[call.kind.name](call, review)
        review["metadata"].setdefault("creationTimestamp", None)
        return review

    def _of_self(self, call: Call, review: dict) -> dict:
        return self._verdict(call.user, review.get("spec", {}))

    def _of_subject(self, call: Call, review: dict) -> dict:
        spec = review.get("spec", {})
        if not spec.get("user") and not spec.get("groups"):
            raise status.bad_request("at least one of user or group must be specified")
        if call.namespace and spec.get("resourceAttributes", {}).get("namespace") != call.namespace:
            raise status.bad_request("spec.resourceAttributes.namespace must match metadata.namespace")
        groups = tuple(spec.get("groups", ()))
        return self._verdict(User(spec.get("user", ""), groups), spec)

    def _verdict(self, user: User, spec: dict) -> dict:
        allowed = self._authorizer.allows(user, _access(spec))
        return {"allowed": allowed} if allowed else {"allowed": False, "reason": ""}

    def _rules(self, call: Call, review: dict) -> dict:
        namespace = review.get("spec", {}).get("namespace") or "default"
        rules = self._authorizer.all_rules(call.user, namespace)
        resource = [
            _only(r, "verbs", "apiGroups", "resources", "resourceNames") for r in rules if r.get("resources")
        ]
        others = [_only(r, "verbs", "nonResourceURLs") for r in rules if r.get("nonResourceURLs")]
        return {"resourceRules": resource, "nonResourceRules": others, "incomplete": False}

    def _token(self, call: Call, review: dict) -> dict:
        spec = review.get("spec", {})
        audiences = tuple(spec.get("audiences") or (ISSUER,))
        try:
            identity = self._tokens.identify(spec.get("token", ""), audiences)
        except BadToken as error:
            return {"authenticated": False, "error": str(error), "user": {}}
        user = User(identity.user, identity.groups, identity.uid, identity.extra)
        return {"authenticated": True, "user": user.info, "audiences": list(audiences)}


def _access(spec: dict) -> Access:
    if "nonResourceAttributes" in spec:
        asked = spec["nonResourceAttributes"]
        return Access(asked.get("verb", ""), path=asked.get("path", ""))
    asked = spec.get("resourceAttributes")
    if asked is None:
        raise status.bad_request(
            "exactly one of resourceAttributes or nonResourceAttributes must be specified"
        )
    resource = "/".join(filter(None, (asked.get("resource"), asked.get("subresource"))))
    namespace, name = asked.get("namespace", ""), asked.get("name", "")
    return Access(asked.get("verb", ""), asked.get("group", ""), resource, namespace, name)


def _only(rule: dict, *keys: str) -> dict:
    return {key: rule[key] for key in keys if rule.get(key)}
