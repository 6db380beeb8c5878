"""Filters that let templates read dictionaries and show evidence as plain facts."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from django import template

from curriculum.domain import spell_argv

register = template.Library()


@register.filter
def at(mapping: Mapping | None, key):
    """`{{ progress|at:lab.slug }}`: the value under a key that the template holds in a variable."""
    return (mapping or {}).get(key)


@register.filter
def spelled(argv: list[str]) -> str:
    """A command as it would be typed in a shell."""
    return spell_argv(argv)


@register.filter
def facts(evidence: Mapping | None) -> list[tuple[str, str]]:
    """Evidence, however deep, as (name, words) pairs in its own order; the template escapes them."""
    return list(_walk(evidence or {}, ""))


def _walk(value, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, f"{name} {key}".replace("_", " ").strip())
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield f"{name} {number}".strip(), _line(item)
    elif value not in (None, "", []):
        yield name, _moment(value) if name.split()[-1:] == ["at"] else _line(value)


def _moment(value) -> str:
    """A packet's time, kept as seconds since 1970."""
    if not isinstance(value, int | float):
        return _line(value)
    return datetime.fromtimestamp(value, UTC).strftime("%H:%M:%S.%f UTC")


def _line(value) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        told = {key: _moment(inner) if key == "at" else _line(inner) for key, inner in value.items()}
        return "  ".join(f"{key}={words}" for key, words in told.items() if words)
    if isinstance(value, list | tuple):
        return ", ".join(_line(item) for item in value)
    return str(value)
