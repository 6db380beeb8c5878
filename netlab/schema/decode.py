"""Strict decoding: does a document have the shape of its kind?

A value of the wrong type is an error in any mode. Unknown and duplicate fields are collected for the
caller (refused, warned about or ignored, as `fieldValidation` says) and never kept: stored, they would
poison later strict writes. A null is what Go's decoder makes of it: nothing in a struct, the zero value in a
list or a map.
"""

import base64
import json
import re
from dataclasses import dataclass, field

from netlab.store import clock

from .definitions import resolve, type_of
from .quantities import amount

_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


class WrongType(Exception):
    """The message is the one of Go's decoder."""


class DuplicateKeys(dict):
    """A JSON object that named a key twice; the last value won."""

    duplicates: tuple[str, ...] = ()


@dataclass
class Conformed:
    object: dict
    problems: list[str] = field(default_factory=list)  # unknown field "x", duplicate field "y"


def load_json(text: bytes | str):
    return json.loads(text, object_pairs_hook=_pairs)


def conform(obj: dict, schema: dict) -> Conformed:
    """The object without unknown fields and nulls, and what was wrong. Raises WrongType."""
    result = Conformed({})
    result.object = _Walker(result.problems).value(obj, schema, "", "")
    return result


def _pairs(pairs: list[tuple]) -> dict:
    plain = dict(pairs)
    if len(plain) == len(pairs):
        return plain
    seen: set[str] = set()
    marked = DuplicateKeys(plain)
    marked.duplicates = tuple(dict.fromkeys(key for key, _ in pairs if key in seen or seen.add(key)))
    return marked


class _Walker:
    def __init__(self, problems: list[str]):
        self._problems = problems

    def value(self, value, schema: dict, path: str, struct: str):
        name, schema = resolve(schema)
        if name == _INT_OR_STRING:
            return self._expect(value, (int, str), path, struct, "intstr.IntOrString")
        if name == _QUANTITY:
            return _check_quantity(
                str(self._expect(value, (int, float, str), path, struct, "resource.Quantity"))
            )
        kind = type_of(schema)
        if kind == "object":
            return self._object(value, schema, path, _short(name) if name else struct, struct)
        if kind == "array":
            return self._array(value, schema, path, struct)
        return self._scalar(value, kind, schema, path, struct)

    def _object(self, value, schema: dict, path: str, struct: str, parent: str) -> dict:
        self._expect(value, (dict,), path, parent, f"v1.{struct}")
        self._note_duplicates(value, path)
        if "properties" in schema:
            return self._struct(value, schema["properties"], path, struct)
        if "additionalProperties" in schema:
            return self._map(value, schema["additionalProperties"], path, struct)
        return value

    def _struct(self, value: dict, properties: dict, path: str, struct: str) -> dict:
        known = {}
        for key, item in value.items():
            where = f"{path}.{key}" if path else key
            if key not in properties:
                self._problems.append(f'unknown field "{where}"')
            elif item is not None:
                known[key] = self.value(item, properties[key], where, struct)
        return known

    def _map(self, value: dict, items: dict, path: str, struct: str) -> dict:
        return {key: self.value(_or_zero(item, items), items, path, struct) for key, item in value.items()}

    def _array(self, value, schema: dict, path: str, struct: str) -> list:
        name, _ = resolve(schema["items"])
        item_type = f"v1.{_short(name)}" if name else type_of(schema["items"])
        self._expect(value, (list,), path, struct, f"[]{item_type}")
        items = schema["items"]
        return [
            self.value(_or_zero(item, items), items, f"{path}[{index}]", struct)
            for index, item in enumerate(value)
        ]

    def _scalar(self, value, kind: str | None, schema: dict, path: str, struct: str):
        if kind == "string":
            self._expect(value, (str,), path, struct, "string")
            check = _FORMATS.get(schema.get("format", ""))
            return check(value) if check else value
        if kind == "boolean":
            return self._expect(value, (bool,), path, struct, "bool")
        if kind == "integer":
            return self._expect(value, (int,), path, struct, schema.get("format", "int64"))
        if kind == "number":
            return self._expect(value, (int, float), path, struct, "float64")
        return value

    def _expect(self, value, wanted: tuple[type, ...], path: str, struct: str, go_type: str):
        is_stray_bool = isinstance(value, bool) and bool not in wanted
        if isinstance(value, wanted) and not is_stray_bool:
            return value
        seen = _JSON_NAMES.get(dict if isinstance(value, dict) else type(value), "null")
        go_path = re.sub(r"\[\d+\]", "", path)
        raise WrongType(
            f"json: cannot unmarshal {seen} into Go struct field {struct}.{go_path} of type {go_type}"
        )

    def _note_duplicates(self, value: dict, path: str) -> None:
        for key in getattr(value, "duplicates", ()):
            self._problems.append(f'duplicate field "{path + "." if path else ""}{key}"')


def _or_zero(item, schema: dict):
    if item is not None:
        return item
    name, body = resolve(schema)
    if name in (_QUANTITY, _INT_OR_STRING):
        return 0
    zeros = {"string": "", "boolean": False, "integer": 0, "number": 0, "object": {}, "array": []}
    return zeros.get(type_of(body) or "")


def _check_quantity(text: str) -> str:
    try:
        amount(text)
    except ValueError:
        wanted = "^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$"
        raise WrongType(f"quantities must match the regular expression '{wanted}'") from None
    return text


def _check_base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        good = re.match(r"[A-Za-z0-9+/]*={0,2}", text)
        raise WrongType(f"illegal base64 data at input byte {good.end() if good else 0}") from None
    return text


def _check_time(text: str) -> str:
    layout = "2006-01-02T15:04:05Z07:00"
    try:
        if "T" in text and clock.parse(text).tzinfo:
            return text
    except ValueError:
        pass
    raise WrongType(f'parsing time "{text}" as "{layout}": cannot parse "{text}"')


_FORMATS = {"byte": _check_base64, "date-time": _check_time}


def _short(name: str) -> str:
    return name.rsplit(".", 1)[-1]
