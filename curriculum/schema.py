"""JSON Schema out of the dataclasses that hold the course, and the dataclasses out of checked data.

A dataclass is the one description of a file: the names and types of its fields become the schema,
`told(...)` adds the sentence and the limits, and `derived()` fields come from elsewhere (prose,
folder names), so they are no part of the file.
"""

import dataclasses
import enum
import types
import typing

from curriculum.text import LANGUAGES, Text

KEY_PATTERN = "^[a-z][a-z0-9-]*$"
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean"}


def told(help_text: str, *, default=dataclasses.MISSING, **limits):
    """A field of the file, with what it means and JSON Schema limits (`pattern`, `minimum`, ...).
    The default `dict` stands for a new empty one."""
    metadata = {"schema": {"description": help_text, **limits}}
    if default is dict:
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def derived(default=dataclasses.MISSING):
    """A field the file does not hold. The default `dict` stands for a new empty one."""
    if default is dict:
        return dataclasses.field(default_factory=dict, metadata={"derived": True})
    return dataclasses.field(default=default, metadata={"derived": True})


def schema_of(kind) -> dict:
    """The JSON Schema of a type: a dataclass, Text, enum, tuple, dict, optional or plain value."""
    if kind in _PLAIN:
        return {"type": _PLAIN[kind]}
    if kind is Text:
        return _schema_of_text()
    if dataclasses.is_dataclass(kind):
        name = kind.__dict__.get("schema_name")
        return {"$ref": f"#/$defs/{name}"} if name else definition_of(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"type": "string", "enum": [member.value for member in kind]}
    return _schema_of_generic(kind)


def build(kind, data, derive=lambda kind, data: {}):
    """The value of a type from data the schema has accepted; `derive(dataclass, data)` gives the
    derived fields of each dataclass met on the way."""
    if dataclasses.is_dataclass(kind):
        return _build_dataclass(kind, data, derive)
    if kind is Text:
        return Text(data)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return tuple(build(arguments[0], item, derive) for item in data)
    if origin is dict:
        return {str(key): build(arguments[1], value, derive) for key, value in data.items()}
    if origin is types.UnionType:
        return build(arguments[0], data, derive)
    return data if kind is object else kind(data)


def fields_in_file(kind) -> list[dataclasses.Field]:
    return [field for field in dataclasses.fields(kind) if not field.metadata.get("derived")]


def _is_required(field: dataclasses.Field) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _schema_of_text() -> dict:
    words = {language: {"type": "string", "minLength": 1} for language in LANGUAGES}
    return {"type": "object", "properties": words, "required": list(LANGUAGES), "additionalProperties": False}


def definition_of(kind) -> dict:
    """The schema itself of a dataclass, whose `schema_name` lets others refer to it: one that holds its
    own like has no other way."""
    hints = typing.get_type_hints(kind)
    fields = fields_in_file(kind)
    schema = {
        "type": "object",
        "properties": {
            field.name: schema_of(hints[field.name]) | field.metadata["schema"] for field in fields
        },
        "required": [field.name for field in fields if _is_required(field)],
        "additionalProperties": False,
    }
    return kind.refine(schema) if hasattr(kind, "refine") else schema


def _schema_of_generic(kind) -> dict:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return {"type": "array", "items": schema_of(arguments[0])}
    if origin is dict:
        return _schema_of_dict(arguments[1])
    if origin is types.UnionType:
        return schema_of(arguments[0])
    raise TypeError(f"{kind} has no JSON Schema here")


def _schema_of_dict(value_kind) -> dict:
    if value_kind is object:  # keys of another class, which has a schema of its own
        return {"type": "object"}
    values = schema_of(value_kind)
    return {"type": "object", "propertyNames": {"pattern": KEY_PATTERN}, "additionalProperties": values}


def _build_dataclass(kind, data, derive):
    hints = typing.get_type_hints(kind)
    present = [field.name for field in fields_in_file(kind) if field.name in data]
    return kind(**{name: build(hints[name], data[name], derive) for name in present}, **derive(kind, data))
