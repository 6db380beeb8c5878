"""The name rules of RFC 1123 as Kubernetes words them."""

import re

from .causes import Cause, invalid

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SERVICE = "[a-z]([-a-z0-9]*[a-z0-9])?"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_PATH_SEGMENT_KINDS = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}


def label(field: str, value: str) -> list[Cause]:
    detail = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start"
        f" and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation"
        f" is '{_LABEL}')"
    )
    return _check(field, value, _LABEL, detail, longest=63)


def subdomain(field: str, value: str) -> list[Cause]:
    detail = (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and"
        f" must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation"
        f" is '{_SUBDOMAIN}')"
    )
    return _check(field, value, _SUBDOMAIN, detail, longest=253)


def service_name(field: str, value: str) -> list[Cause]:
    detail = (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic"
        " character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for"
        f" validation is '{_SERVICE}')"
    )
    return _check(field, value, _SERVICE, detail, longest=63)


def object_name(kind: str, value: str) -> list[Cause]:
    if kind in _PATH_SEGMENT_KINDS:
        return _path_segment("metadata.name", value)
    if kind == "Namespace":
        return label("metadata.name", value)
    return (service_name if kind == "Service" else subdomain)("metadata.name", value)


def labels(field: str, values: dict[str, str]) -> list[Cause]:
    found = qualified_keys(field, values)
    for value in values.values():
        found += label_value(field, value)
    return found


def label_value(field: str, value: str) -> list[Cause]:
    detail = (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.',"
        " and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or"
        f" '12345', regex used for validation is '{_LABEL_VALUE}')"
    )
    return _check(field, value, _LABEL_VALUE, detail, longest=63)


def qualified_keys(field: str, values: dict) -> list[Cause]:
    """Label and annotation keys: `name` or `prefix/name`."""
    return [cause for key in values for cause in _qualified_key(field, key)]


def _qualified_key(field: str, key: str) -> list[Cause]:
    prefix, slash, name = key.rpartition("/")
    detail = (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
        " alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is"
        f" '{_QUALIFIED}')"
    )
    if slash and (not re.fullmatch(_SUBDOMAIN, prefix) or len(prefix) > 253):
        return [invalid(field, key, "prefix part must be a lowercase RFC 1123 subdomain")]
    if re.fullmatch(_QUALIFIED, name) and len(name) <= 63:
        return []
    return [invalid(field, key, detail)]


def _path_segment(field: str, value: str) -> list[Cause]:
    if value in (".", "..") or "/" in value or "%" in value:
        return [invalid(field, value, "may not be '.' or '..' nor contain '/' or '%'")]
    return []


def _check(field: str, value: str, pattern: str, detail: str, *, longest: int) -> list[Cause]:
    if len(value) > longest:
        return [invalid(field, value, f"must be no more than {longest} characters")]
    return [] if re.fullmatch(pattern, value) else [invalid(field, value, detail)]
