"""YAML files that remember their lines, checked against a JSON Schema with a mend for each mistake."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from yaml import MarkedYAMLError

from curriculum.lined_yaml import LinedList, LinedMap, read_lined
from curriculum.problems import Problem

_SENTENCES = {
    "type": "has the wrong type; write {limit}",
    "enum": "is not known; choose one of {limit}",
    "pattern": "does not match {limit}",
    "minimum": "is too small; the least is {limit}",
    "maximum": "is too large; the most is {limit}",
    "minItems": "is too short; give at least {limit}",
    "minLength": "is empty; write it",
}
_TYPES = {
    "object": "a mapping",
    "array": "a list",
    "string": "a text (put it in quotes)",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
}


@dataclass(frozen=True)
class Document:
    """A parsed file; `path` is the name problems are told with."""

    path: Path
    data: Any

    def line(self, *keys: str | int) -> int:
        """The 1-based line of the value under these keys, or of its nearest parent that has one."""
        line, node = 1, self.data
        for key in keys:
            line = _line_of(node, key) or line
            node = _child(node, key)
        return line

    def at(self, keys: tuple) -> Any:
        """The value under these keys, as it was written; None where there is none."""
        node = self.data
        for key in keys:
            node = _child(node, key)
        return node

    def problem(self, keys: tuple, mend: str) -> Problem:
        return Problem(self.path, self.line(*keys), spell_keys(keys), mend)


def read_document(file: Path, path: Path, problems: list[Problem]) -> Document | None:
    """The file's document, or None with the reason in `problems`."""
    try:
        return Document(path, read_lined(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        problems.append(Problem(path, 1, "", "the file is missing; add it"))
    except UnicodeDecodeError:
        problems.append(Problem(path, 1, "", "the file is not UTF-8; save it as UTF-8"))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problems.append(
            Problem(path, mark.line + 1 if mark else 1, "", f"this is no valid YAML: {error.problem}")
        )
    return None


def check_document(document: Document, schema: dict) -> list[Problem]:
    """Every way in which the document breaks the schema."""
    # Here, for a course that was read before needs none of it.
    from jsonschema import Draft202012Validator

    errors = Draft202012Validator(schema).iter_errors(document.data)
    return [problem for error in errors for problem in _problems_of(document, error)]


def spell_keys(keys: tuple) -> str:
    """`steps[2].argv` for ("steps", 2, "argv")."""
    return "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")


def _problems_of(document: Document, error) -> list[Problem]:
    keys = tuple(error.absolute_path)
    if error.validator == "additionalProperties":
        return [document.problem((*keys, key), mend) for key, mend in _unknown_keys(error)]
    if error.validator == "required":
        return [document.problem(keys, _missing_key(error))]
    if "propertyNames" in error.absolute_schema_path:
        return [
            document.problem((*keys, error.instance), "use small letters, digits and hyphens for this name")
        ]
    return [document.problem(keys, _mend_value(error))]


def _unknown_keys(error) -> list[tuple[str, str]]:
    known = list(error.schema.get("properties", ()))
    return [(key, _unknown_key(str(key), known)) for key in error.instance if key not in known]


def _unknown_key(key: str, known: list[str]) -> str:
    near = difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"remove it; known are {', '.join(known)}"
    return f"{key!r} is not known here; {hint}"


def _missing_key(error) -> str:
    missing = error.message.split("'")[1]
    meaning = error.schema["properties"].get(missing, {}).get("description")
    return f"{missing!r} is missing; add it ({meaning})" if meaning else f"{missing!r} is missing; add it"


def _mend_value(error) -> str:
    meaning = error.schema.get("description")
    about = f" ({meaning})" if meaning else ""
    return f"{_shorten(error.instance)} {_expected(error)}{about}"


def _expected(error) -> str:
    sentence = _SENTENCES.get(error.validator, f"is not accepted: {error.message}")
    return sentence.replace("{limit}", _spell_limit(error.validator_value))


def _spell_limit(limit: object) -> str:
    if isinstance(limit, list):
        return ", ".join(str(choice) for choice in limit)
    return _TYPES.get(str(limit), str(limit))


def _shorten(value: object) -> str:
    if isinstance(value, dict | list):
        return "this" if value else "this empty value"
    return repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."


def _line_of(node: object, key: str | int) -> int | None:
    if isinstance(node, LinedMap):
        return node.lines.get(key)
    if isinstance(node, LinedList) and isinstance(key, int) and key < len(node):
        return node.lines[key]
    return None


def _child(node: object, key: str | int) -> object:
    try:
        return node[key]
    except (KeyError, IndexError, TypeError):
        return None
