"""ValidatingAdmissionPolicy: what the cluster's policies say of a write, before it is stored.

Whoever writes is asked, controllers too: a Deployment is no way around a policy on pods. A binding is in
force with the next request. Where an expression fails, failurePolicy decides.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from netlab.cel import CelError, MissingValue, Program
from netlab.schema.celpolicy import Compiled, Validation, compile_policy
from netlab.schema.kinds import ADMISSION_GROUP, Kind
from netlab.store import Store
from netlab.store.objects import new_uid

from . import selectors
from .request import Call, User
from .status import ApiError

POLICIES = f"validatingadmissionpolicies.{ADMISSION_GROUP}"
BINDINGS = f"validatingadmissionpolicybindings.{ADMISSION_GROUP}"
_CODES = {"Forbidden": 403, "Unauthorized": 401, "RequestEntityTooLarge": 413, "Invalid": 422}
_LONGEST_MESSAGE = 5 * 1024


@dataclass(frozen=True)
class Write:
    """What shall happen: `new` is None for a deletion, `old` for a creation."""

    kind: Kind
    user: User
    new: dict | None
    old: dict | None = None
    subresource: str = ""
    dry_run: bool = False

    @property
    def operation(self) -> str:
        if self.new is None:
            return "DELETE"
        return "UPDATE" if self.old else "CREATE"

    @property
    def meta(self) -> dict:
        return (self.new or self.old or {})["metadata"]

    @property
    def name(self) -> str:
        return self.meta.get("name") or self.meta.get("generateName", "")

    @property
    def namespace(self) -> str:
        return self.meta.get("namespace", "")


@dataclass(frozen=True)
class Finding:
    """Why a policy says no, with the reason of the Status."""

    message: str
    reason: str = "Invalid"


def write_of(call: Call, new: dict | None, old: dict | None = None) -> Write:
    return Write(call.kind, call.user, new, old, call.subresource or "", call.dry_run)


def judge(store: Store, write: Write) -> list[str]:
    """The warnings of all policies in force. Raises ApiError when one of them denies."""
    warnings: list[str] = []
    if write.kind.group == ADMISSION_GROUP:
        return warnings  # a policy may not lock out whoever would mend it
    for binding in store.list(BINDINGS):
        policy = store.find(POLICIES, None, binding["spec"]["policyName"])
        if policy is None or not _concerns(store, policy, binding, write):
            continue
        for finding in _findings(store, policy["spec"], write):
            warnings += _act(policy, binding, write, finding)
    return warnings


def _act(policy: dict, binding: dict, write: Write, finding: Finding) -> list[str]:
    """Raises ApiError, or gives the warning; Audit alone leaves no trace, as netlab keeps no audit log."""
    actions = binding["spec"]["validationActions"]
    names = f"'{policy['metadata']['name']}' with binding '{binding['metadata']['name']}'"
    if "Deny" in actions:
        raise _denied(write, f"ValidatingAdmissionPolicy {names} denied request: {finding.message}", finding)
    if "Warn" in actions:
        return [f"Validation failed for ValidatingAdmissionPolicy {names}: {finding.message}"]
    return []


def _denied(write: Write, message: str, finding: Finding) -> ApiError:
    kind = write.kind
    details = {"name": write.name, "group": kind.group, "kind": kind.plural, "causes": [{"message": message}]}
    subject = f'{kind.resource} "{write.name}"'
    return ApiError(_CODES[finding.reason], finding.reason, f"{subject} is forbidden: {message}", details)


def _concerns(store: Store, policy: dict, binding: dict, write: Write) -> bool:
    narrowed = binding["spec"].get("matchResources")
    return _matches(store, policy["spec"]["matchConstraints"], write) and (
        narrowed is None or _matches(store, narrowed, write)
    )


def _matches(store: Store, wanted: dict, write: Write) -> bool:
    if not _namespace_fits(store, wanted.get("namespaceSelector", {}), write):
        return False
    if not _object_fits(wanted.get("objectSelector", {}), write):
        return False
    if any(_rule_fits(rule, write) for rule in wanted.get("excludeResourceRules", [])):
        return False
    rules = wanted.get("resourceRules", [])
    return not rules or any(_rule_fits(rule, write) for rule in rules)


def _namespace_fits(store: Store, selector: dict, write: Write) -> bool:
    """A Namespace is judged by its own labels; what else is in no namespace fits always."""
    if write.kind.resource == "namespaces":
        return selectors.matches(selector, write.meta.get("labels", {}))
    namespace = _namespace_of(store, write)
    return namespace is None or selectors.matches(selector, namespace["metadata"].get("labels", {}))


def _namespace_of(store: Store, write: Write) -> dict | None:
    return store.find("namespaces", None, write.namespace) if write.kind.namespaced else None


def _object_fits(selector: dict, write: Write) -> bool:
    objects = filter(None, (write.new, write.old))
    return any(selectors.matches(selector, one["metadata"].get("labels", {})) for one in objects)


def _rule_fits(rule: dict, write: Write) -> bool:
    kind = write.kind
    return (
        _lists(rule["operations"], write.operation)
        and _lists(rule["apiGroups"], kind.group)
        and _lists(rule["apiVersions"], kind.version)
        and rule.get("scope", "*") in ("*", "Namespaced" if kind.namespaced else "Cluster")
        and (not rule.get("resourceNames") or write.name in rule["resourceNames"])
        and any(_resource_fits(text, write) for text in rule["resources"])
    )


def _lists(values: list[str], value: str) -> bool:
    return "*" in values or value in values


def _resource_fits(text: str, write: Write) -> bool:
    """`pods`, `*` and `pods/status`, `pods/*`, `*/*`: without a slash, subresources are not meant."""
    resource, _, subresource = text.partition("/")
    return resource in ("*", write.kind.plural) and subresource in ("*", write.subresource)


def _findings(store: Store, spec: dict, write: Write) -> Iterator[Finding]:
    """One for each validation that fails. A failing expression counts unless failurePolicy is Ignore."""
    compiled = compile_policy(spec)
    values = _values(store, write)
    strict = spec["failurePolicy"] == "Fail"
    try:
        if not _conditions_hold(compiled, values):
            return
    except CelError as error:
        if strict:
            yield Finding(str(error))
        return
    broken = _add_variables(compiled, values)
    for validation in compiled.validations:
        finding = _finding(validation, values, broken, strict=strict)
        if finding:
            yield finding


def _conditions_hold(compiled: Compiled, values: dict) -> bool:
    """One that is false decides, whatever errors others meet. Raises CelError."""
    error: CelError | None = None
    for condition in compiled.conditions:
        try:
            if not condition.run(values):
                return False
        except CelError as met:
            error = error or CelError(_resulted(condition, met))
    if error:
        raise error
    return True


def _add_variables(compiled: Compiled, values: dict) -> dict[str, CelError]:
    """Give `values` the variables; those that fail are told by name, and hurt only who uses them."""
    broken: dict[str, CelError] = {}
    for name, program in compiled.variables.items():
        try:
            values[f"variables.{name}"] = program.run(values)
        except CelError as error:
            broken[f"variables.{name}"] = error
    return broken


def _finding(validation: Validation, values: dict, broken: dict, *, strict: bool) -> Finding | None:
    try:
        if validation.rule.run(values):
            return None
    except CelError as error:
        return Finding(_resulted(validation.rule, _cause(error, broken))) if strict else None
    told = _spoken(validation, values) or validation.message
    return Finding(told or f"failed expression: {validation.rule.text.strip()}", validation.reason)


def _cause(error: CelError, broken: dict) -> CelError:
    if isinstance(error, MissingValue) and error.name in broken:
        name = error.name.removeprefix("variables.")
        return CelError(f'composited variable "{name}" fails to evaluate: {broken[error.name]}')
    return error


def _resulted(program: Program, error: CelError) -> str:
    return f"expression '{program.text}' resulted in error: {error}"


def _spoken(validation: Validation, values: dict) -> str:
    """What messageExpression says; nothing where it fails or cannot be shown on a line."""
    if validation.message_rule is None:
        return ""
    try:
        text = str(validation.message_rule.run(values)).strip()
    except CelError:
        return ""
    return text if "\n" not in text and len(text) <= _LONGEST_MESSAGE else ""


def _values(store: Store, write: Write) -> dict:
    namespace = _namespace_of(store, write)
    return {
        "object": write.new,
        "oldObject": write.old,
        "namespaceObject": namespace,
        "request": _request(write),
    }


def _request(write: Write) -> dict:
    """An AdmissionRequest, without the objects."""
    kind = write.kind
    resource = {"group": kind.group, "version": kind.version, "resource": kind.plural}
    of_kind = _kind_of(write.new or write.old or {})
    optional = {
        "subResource": write.subresource,
        "requestSubResource": write.subresource,
        "name": write.meta.get("name", ""),
        "namespace": write.namespace,
    }
    return {
        "uid": new_uid(),
        "kind": of_kind,
        "resource": resource,
        "requestKind": of_kind,
        "requestResource": resource,
        "operation": write.operation,
        "userInfo": write.user.info,
        "dryRun": write.dry_run,
        **{key: value for key, value in optional.items() if value},
    }


def _kind_of(obj: dict) -> dict:
    """Of the object, not of the path: below `scale` it is a Scale."""
    group, _, version = obj["apiVersion"].rpartition("/")
    return {"group": group, "version": version, "kind": obj["kind"]}
