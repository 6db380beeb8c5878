"""YAML that a student writes: read into plain objects that remember their lines.

The same reading serves a check and an apply, so that what was checked is what is applied. Nothing
here asks a cluster.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

OBJECTS = 20
NODES = 20_000  # values in one text, aliases counted as often as they are used
BRACKETS = 2_000  # deep nesting costs the parser seconds
_PATH_PART = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_SELECTOR = re.compile(r"([A-Za-z]\w*)=(\"[^\"]*\"|[^,]+)")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a text, and on which of its lines; 0 is no line of its own."""

    line: int
    message: str


class TextError(ValueError):
    """A text that cannot be read; `problem` says where, in the student's language."""

    def __init__(self, line: int, message: str):
        super().__init__(message)
        self.problem = Problem(line, message)


@dataclass(frozen=True)
class Written:
    """One object of a text: its plain value, and the same with lines."""

    value: dict
    marked: CommentedMap

    @property
    def line(self) -> int:
        return self.marked.lc.line + 1

    def line_of(self, path: str) -> int:
        """The line of a field as the API server names it, such as `spec.ports[0].port`, or of what is
        around it where the text does not have it."""
        line, node = self.line, self.marked
        for key in _keys_of(path):
            found = _find(node, key)
            if found is None:
                return line
            line, node = found
        return line


def read_objects(text: str) -> list[Written]:
    """The objects of a text, empty documents left out. Raises TextError."""
    if text.count("[") + text.count("{") > BRACKETS:
        raise TextError(1, _too_much())
    try:
        documents = [each for each in YAML(typ="rt").load_all(text) if each is not None]
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        raise TextError(line, _("This is no valid YAML: %(why)s") % {"why": error.problem}) from None
    except (YAMLError, ValueError, RecursionError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TextError(0, _("This is no valid YAML: %(why)s") % {"why": why}) from None
    if not documents:
        raise TextError(1, _("There is no object in this text."))
    if len(documents) > OBJECTS:
        raise TextError(1, _("There are too many objects in this text: at most %d are taken.") % OBJECTS)
    left = [NODES]
    return [_written(document, left) for document in documents]


def _written(document: Any, left: list[int]) -> Written:
    if not isinstance(document, CommentedMap):
        line = document.lc.line + 1 if isinstance(document, CommentedSeq) else 1
        raise TextError(
            line, _("This is no Kubernetes object: it needs %(keys)s.") % {"keys": _spell_needed()}
        )
    written = Written(_plain(document, left), document)
    for key in ("apiVersion", "kind", "metadata"):
        if not written.value.get(key):
            raise TextError(
                written.line, _("This is no Kubernetes object: it needs %(keys)s.") % {"keys": key}
            )
    metadata = written.value["metadata"]
    if not isinstance(metadata, dict) or not metadata.get("name"):
        raise TextError(written.line_of("metadata"), _("The object has no name: metadata.name is missing."))
    return written


def _spell_needed() -> str:
    return "apiVersion, kind, metadata"


def _too_much() -> str:
    return _("This text holds too much; aliases count as often as they are used.")


def _plain(node: Any, left: list[int]) -> Any:
    """Plain JSON values; aliases could make a small text endless, so values are counted."""
    left[0] -= 1
    if left[0] < 0:
        raise TextError(1, _too_much())
    if isinstance(node, dict):
        return {_spell_key(key): _plain(value, left) for key, value in node.items()}
    if isinstance(node, list | tuple | set):
        return [_plain(value, left) for value in node]
    if node is None or isinstance(node, bool):
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return str(node)


def _spell_key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _keys_of(path: str) -> Iterator[str | int | dict[str, str]]:
    """`.spec.ports[0]["x"]`, `labels[a.b/c]`, `containers[name="web"]` in keys, positions and selectors."""
    for bracket, name in _PATH_PART.findall(path):
        if name:
            yield name
        elif bracket.isdecimal():
            yield int(bracket)
        elif "=" in bracket:
            yield {key: value.strip('"') for key, value in _SELECTOR.findall(bracket)}
        else:
            yield bracket.strip('"')


def _find(node: Any, key: str | int | dict[str, str]) -> tuple[int, Any] | None:
    """The (line, value) under a key of the marked document."""
    if isinstance(node, CommentedMap) and isinstance(key, str) and key in node:
        return node.lc.key(key)[0] + 1, node[key]
    if isinstance(node, CommentedSeq):
        position = key if isinstance(key, int) else _position_of(node, key)
        if position is not None and position < len(node):
            return node.lc.item(position)[0] + 1, node[position]
    return None


def _position_of(node: CommentedSeq, key: str | dict[str, str]) -> int | None:
    if isinstance(key, str):
        return next((at for at, item in enumerate(node) if item == key), None)
    return next(
        (
            at
            for at, item in enumerate(node)
            if isinstance(item, dict) and all(str(item.get(name)) == value for name, value in key.items())
        ),
        None,
    )
