"""The causes an Invalid (422) answer lists, in Kubernetes' own words."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    field: str
    reason: str  # FieldValueRequired, FieldValueInvalid, ...
    message: str

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


def required(field: str, detail: str = "") -> Cause:
    return Cause(field, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def invalid(field: str, value, detail: str) -> Cause:
    return Cause(field, "FieldValueInvalid", f"Invalid value: {_show(value)}: {detail}")


def forbidden(field: str, detail: str) -> Cause:
    return Cause(field, "FieldValueForbidden", f"Forbidden: {detail}")


def duplicate(field: str, value) -> Cause:
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {_show(value)}")


def not_found(field: str, value) -> Cause:
    return Cause(field, "FieldValueNotFound", f"Not found: {_show(value)}")


def unsupported(field: str, value, supported: list[str]) -> Cause:
    choices = ", ".join(json.dumps(choice) for choice in sorted(supported))
    return Cause(
        field, "FieldValueNotSupported", f"Unsupported value: {_show(value)}: supported values: {choices}"
    )


def one_of(field: str, value, supported: list[str]) -> list[Cause]:
    """The cause, if it is none of them."""
    return [] if value in supported else [unsupported(field, value, supported)]


def not_negative(field: str, value: int) -> list[Cause]:
    return [] if value >= 0 else [invalid(field, value, "must be greater than or equal to 0")]


def immutable(field: str, new, old) -> list[Cause]:
    return [] if new == old else [invalid(field, new, "field is immutable")]


def _show(value) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
