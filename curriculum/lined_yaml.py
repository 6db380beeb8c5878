"""YAML read by libyaml, with the line of every key and item, and scalars as YAML 1.2 reads them.

The course is a few hundred files, read by every process at its start: a reader in pure Python took six
seconds for them. PyYAML's own constructor follows YAML 1.1, where `on` and `no` are booleans; a lab may say
`on:` and mean the word.
"""

import re
from collections.abc import Iterator
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBERS = (
    (re.compile(r"[-+]?[0-9]+"), int),
    (re.compile(r"0o[0-7]+"), lambda text: int(text[2:], 8)),
    (re.compile(r"0x[0-9a-fA-F]+"), lambda text: int(text, 16)),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)
_OURS = ("str", "int", "float", "bool", "null", "seq", "map", "timestamp", "value", "merge")
_TAGS = {f"tag:yaml.org,2002:{name}" for name in _OURS}


class LinedMap(dict):
    """A mapping that knows the 1-based line of each key."""

    lines: dict[Any, int]


class LinedList(list):
    """A list that knows the 1-based line of each item."""

    lines: list[int]


def read_lined(text: str) -> Any:
    """The one document of a text. Raises yaml.MarkedYAMLError."""
    node = yaml.compose(text, Loader=LOADER)
    return _value(node, {}) if node else None


def read_all(text: str) -> Iterator[Any]:
    """The documents of a manifest, as kubectl reads them. Raises yaml.YAMLError."""
    return yaml.load_all(text, Loader=LOADER)


def _value(node: Node, known: dict[int, Any]) -> Any:
    """An alias is the very value that its anchor is."""
    if id(node) not in known:
        if node.tag not in _TAGS:
            raise _refusal(f"the tag {node.tag} is not taken", node)
        known[id(node)] = _made(node, known)
    return known[id(node)]


def _made(node: Node, known: dict[int, Any]) -> Any:
    if isinstance(node, MappingNode):
        return _mapping(node, known)
    if isinstance(node, SequenceNode):
        found = LinedList(_value(each, known) for each in node.value)
        found.lines = [_line(each) for each in node.value]
        return found
    return _scalar(node)


def _mapping(node: MappingNode, known: dict[int, Any]) -> LinedMap:
    found = LinedMap()
    found.lines = {}
    for key_node, value_node in node.value:
        key = _value(key_node, known)
        if isinstance(key, dict | list):
            raise _refusal("a key is no mapping and no list", key_node)
        if key in found:
            raise _refusal(f"the key {key!r} is here twice", key_node)
        found[key] = _value(value_node, known)
        found.lines[key] = _line(key_node)
    return found


def _scalar(node: ScalarNode) -> Any:
    if node.style:  # in quotes or a block: a text, whatever it looks like
        return node.value
    if node.value in _WORDS:
        return _WORDS[node.value]
    for form, read in _NUMBERS:
        if form.fullmatch(node.value):
            return read(node.value)
    return node.value


def _line(node: Node) -> int:
    return node.start_mark.line + 1


def _refusal(problem: str, node: Node) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
