"""Label and field selectors of list, watch and deletecollection."""

import re
from collections.abc import Callable

from .status import bad_request

Predicate = Callable[[dict], bool]
_SET = re.compile(r"^\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*$")
_EQUALITY = re.compile(r"^\s*([^\s=!]+)\s*(==|=|!=)\s*(\S*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s=!()]+)\s*$")
# What may be asked of which kind, beyond name and namespace.
_FIELDS: dict[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName",
        "spec.hostNetwork", "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath",
        "reason", "reportingComponent", "source", "type",
        "regarding.kind", "regarding.namespace", "regarding.name", "regarding.uid",
    ),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "ReplicaSet": ("status.replicas",),
    "Secret": ("type",),
    "Service": ("spec.clusterIP", "spec.type"),
}  # fmt: skip


def label_predicate(text: str | None) -> Predicate:
    """`a=b,c!=d,e in (f,g),h,!i`. Raises ApiError."""
    tests = [_label_test(part) for part in _split(text or "")]
    return lambda obj: all(test(obj["metadata"].get("labels") or {}) for test in tests)


def _split(text: str) -> list[str]:
    """At commas outside parentheses."""
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label_test(part: str) -> Callable[[dict], bool]:
    if match := _SET.match(part):
        key, operator, listed = match.groups()
        values = {value.strip() for value in listed.split(",")}
        return (
            (lambda labels: labels.get(key) in values)
            if operator == "in"
            else (lambda labels: labels.get(key) not in values)
        )
    if match := _EQUALITY.match(part):
        key, operator, value = match.groups()
        return (
            (lambda labels: labels.get(key) != value)
            if operator == "!="
            else (lambda labels: labels.get(key) == value)
        )
    if match := _EXISTS.match(part):
        negated, key = match.groups()
        return (lambda labels: key not in labels) if negated else (lambda labels: key in labels)
    raise bad_request(f'unable to parse requirement: found "{part}", expected: identifier')


def matches(selector: dict | None, labels: dict) -> bool:
    """A LabelSelector (matchLabels, matchExpressions) against labels; None selects nothing."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    return all(_expression(rule, labels) for rule in selector.get("matchExpressions", []))


def _expression(rule: dict, labels: dict) -> bool:
    key, values = rule["key"], rule.get("values", [])
    present = key in labels
    if rule["operator"] == "Exists":
        return present
    if rule["operator"] == "DoesNotExist":
        return not present
    return (labels.get(key) in values) == (rule["operator"] == "In")


def selector_text(selector: dict) -> str:
    """A LabelSelector in the string form of Scale.status.selector."""
    parts = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    for rule in selector.get("matchExpressions", []):
        values = f" ({','.join(rule.get('values', []))})"
        forms = {"Exists": rule["key"], "DoesNotExist": "!" + rule["key"]}
        parts.append(forms.get(rule["operator"], f"{rule['key']} {rule['operator'].lower()}{values}"))
    return ",".join(parts)


def field_predicate(text: str | None, kind: str) -> Predicate:
    """`metadata.name=x,status.phase!=Running`. Raises ApiError for a field that cannot be asked."""
    tests = [_field_test(part, kind) for part in _split(text or "")]
    return lambda obj: all(test(obj) for test in tests)


def _field_test(part: str, kind: str) -> Predicate:
    match = _EQUALITY.match(part)
    if not match:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    field, operator, value = match.groups()
    if field not in ("metadata.name", "metadata.namespace", *_FIELDS.get(kind, ())):
        raise bad_request(f"field label not supported: {field}")
    return lambda obj: (_read(obj, field) == value) == (operator != "!=")


def _read(obj: dict, field: str) -> str:
    if field == "source":
        return obj.get("source", {}).get("component", "")
    value = obj
    for part in field.replace("regarding", "involvedObject").split("."):
        value = value.get(part) if isinstance(value, dict) else None
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
