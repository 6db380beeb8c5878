"""The Table of a custom kind: the columns its definition names, each read by a JSONPath.

Kubernetes admits simple paths here: names, `[0]`, `[*]`, `['a.b']` and `[?(@.name=="value")]`.
"""

import re
from functools import lru_cache

from netlab.schema.kinds import Kind
from netlab.store import clock

from .columns import Column, age

_STEP = re.compile(
    r"""\.(?P<name>(?:\\.|[^.\[\\])+)|\[(?P<index>-?\d+)\]|\[(?P<all>\*)\]|\['(?P<quoted>[^']*)'\]"""
    r"""|\[\?\(@\.(?P<key>[\w.-]+)\s*==\s*["'](?P<value>[^"']*)["']\)\]"""
)
_CREATED = ".metadata.creationTimestamp"
_MISSING = object()


def columns_of(kind: Kind) -> tuple[tuple[Column, ...], object]:
    """What PRINTERS holds for built-in kinds: columns, and a function from object to cells."""
    told = kind.custom.columns
    columns = [Column(c["name"], c["type"], c.get("priority", 0)) for c in told]
    if not told:
        told, columns = [{"jsonPath": _CREATED, "type": "date"}], [Column("Age")]

    def cells(obj: dict) -> list:
        return [obj["metadata"]["name"], *(_cell(obj, one) for one in told)]

    return (Column("Name"), *columns), cells


def _cell(obj: dict, column: dict):
    if column["jsonPath"] == _CREATED:
        return age(obj)
    found = find(obj, column["jsonPath"])
    if not found:
        return "" if column["type"] == "string" else "<none>"
    if column["type"] == "date":
        return clock.age(found[0])
    if column["type"] in ("integer", "number", "boolean"):
        return found[0]
    return ",".join(_text(one) for one in found)


def _text(value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ",".join(f'"{one}"' if isinstance(one, str) else _text(one) for one in value) + "]"
    return str(value)


def find(obj, path: str) -> list:
    """All values a path leads to; none for one that cannot be read."""
    values = [obj]
    for step in _steps(path):
        values = [below for value in values for below in _below(value, step)]
    return values


@lru_cache(maxsize=1024)
def _steps(path: str) -> tuple[re.Match, ...]:
    steps, position = [], 0
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return ()
        steps.append(step)
        position = step.end()
    return tuple(steps)


def _below(value, step: re.Match) -> list:
    name = step["quoted"] if step["quoted"] is not None else step["name"]
    if name is not None:
        return _member(value, name.replace("\\.", "."))
    if not isinstance(value, list):
        return list(value.values()) if step["all"] and isinstance(value, dict) else []
    if step["all"]:
        return value
    if step["index"] is not None:
        number = int(step["index"])
        return value[number:][:1] if number < len(value) else []
    return [one for one in value if find(one, f".{step['key']}") == [step["value"]]]


def _member(value, name: str) -> list:
    found = value.get(name, _MISSING) if isinstance(value, dict) else _MISSING
    return [] if found is _MISSING or found is None else [found]
