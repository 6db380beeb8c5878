"""Filters that let templates read dictionaries and show evidence as plain facts."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from django import template
from django.utils.translation import gettext_lazy as _

from curriculum.domain import spell_argv
from portal.evidence_words import spell_field

register = template.Library()
_DRAWN = ("matrix",)  # evidence that has a drawing of its own
_OUTCOMES = {
    "reached": ("→", _("passes")),
    "refused": ("×", _("refused")),
    "dropped": ("⊘", _("blocked")),
    "silent": ("…", _("no answer")),
    "lost": ("…", _("answer lost")),
    "unsent": ("?", _("not sent")),
}


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
    told = {key: value for key, value in (evidence or {}).items() if key not in _DRAWN}
    return [(spell_field(path), words) for path, words in _walk(told, ())]


@register.filter
def matrix_grid(matrix: Mapping) -> dict:
    """{"targets", "rows": [{"source", "cells"}]} of a matrix in evidence; a pod with itself has no cell."""
    named = {target for row in matrix.values() for target in row}
    # In the order of those who send, so that a pod's row and column meet on the diagonal.
    targets = [pod for pod in matrix if pod in named] + sorted(named - set(matrix))
    rows = [
        {"source": source, "cells": [_cell(target, row.get(target)) for target in targets]}
        for source, row in matrix.items()
    ]
    return {"targets": targets, "rows": rows}


def _cell(target: str, told: Mapping | None) -> dict | None:
    if told is None:
        return None
    sign, word = _OUTCOMES.get(told["wire"], ("?", told["wire"]))
    return {**told, "target": target, "sign": sign, "word": word}


@register.filter
def share_scale(evidence: Mapping) -> dict:
    """Where a share, its interval and the two values it is held against stand in a drawing 300 wide."""
    low, high = evidence["interval"]
    share = evidence["hits"] / evidence["samples"] if evidence["samples"] else 0
    shown = {"share": share, "low": low, "high": high, "right": evidence["right"], "wrong": evidence["wrong"]}
    # As text: a number would be written with the reader's decimal comma, which SVG does not know.
    places = {name: f"{10 + 300 * value:.1f}" for name, value in shown.items()}
    texts = {f"{name}_text": f"{100 * value:.1f} %".replace(".0 %", " %") for name, value in shown.items()}
    return places | texts | {"width": f"{max(2, 300 * (high - low)):.1f}"}


def _walk(value, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _walk(inner, (*path, key))
    elif isinstance(value, list | tuple) and any(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, start=1):
            yield (*path, str(number)), _line(item)
    elif value not in (None, "", []):
        yield path, _moment(value) if path[-1:] and path[-1].split("_")[-1] == "at" else _line(value)


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
