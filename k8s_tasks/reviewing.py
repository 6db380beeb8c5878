"""What a cluster thinks of a text before anything is changed: problems on their lines, and what would change.

Every object is tried out on the server (dry run, strict), with the student's own rights.
"""

import difflib
import re
from dataclasses import dataclass

import yaml
from django.utils.translation import gettext as _

from k8s_tasks.cluster.as_student import AsStudent, spell
from k8s_tasks.cluster.errors import ClusterError, Refused, Unreachable
from k8s_tasks.texts import Problem, TextError, Written, read_objects

DIFF_LINES = 400
_SERVERS_OWN = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_UNKNOWN = re.compile(r'(?:unknown|duplicate) field "([^"]+)"')
_WRONG_TYPE = re.compile(r"cannot unmarshal (\S+) into Go struct field \w+\.(\S+) of type (\S+)")
_TYPED = re.compile(r"(?:^|\s)\.((?:\[[^\]]*\]|[^\s:\[\]])+): ([^\n]+)")
_UNDECLARED = "field not declared in schema"


@dataclass(frozen=True)
class Change:
    """One object: whether it would be created, configured or stay unchanged; `lines` are a unified diff."""

    name: str
    effect: str
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class Review:
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()


def find_problems(text: str, namespaces: tuple[str, ...]) -> list[Problem]:
    """What can be said without the cluster."""
    try:
        objects = read_objects(text)
    except TextError as error:
        return [error.problem]
    return [problem for each in objects if (problem := _foreign(each, namespaces))]


def _foreign(written: Written, namespaces: tuple[str, ...]) -> Problem | None:
    named = written.value["metadata"].get("namespace")
    if named is None or named in namespaces:
        return None
    told = {"named": named, "own": ", ".join(namespaces)}
    message = _("This object is for the namespace %(named)s; here you may change only %(own)s.") % told
    return Problem(written.line_of("metadata.namespace"), message)


async def review(student: AsStudent, objects: list[Written]) -> Review:
    """Raises Unreachable."""
    problems: list[Problem] = []
    changes = []
    for each in objects:
        try:
            before, after = await student.try_out(each.value)
        except Unreachable:
            raise
        except ClusterError as error:
            problems += problems_of(each, error)
        else:
            changes.append(change_of(each.value, before, after, student.labels))
    return Review(tuple(problems), tuple(student.warnings), tuple(changes))


def problems_of(written: Written, error: ClusterError) -> list[Problem]:
    """The server's refusal, field by field where it names any; else on the object's first line."""
    message = str(error)
    causes = error.causes if isinstance(error, Refused) else []
    found = [(each["field"], each.get("message", "")) for each in causes if each.get("field")]
    told = [(field, f"{field}: {words}") for field, words in found] or _fields_in(message)
    return [Problem(written.line_of(field), words) for field, words in told] or [
        Problem(written.line, message)
    ]


def _fields_in(message: str) -> list[tuple[str, str]]:
    """(field, sentence) of what a server tells in words only."""
    if unknown := _UNKNOWN.findall(message):
        return [(field, _no_such(field)) for field in dict.fromkeys(unknown)]
    if wrong := _WRONG_TYPE.search(message):
        facts = {"field": wrong[2], "wanted": wrong[3], "found": wrong[1]}
        return [(wrong[2], _("%(field)s must be of type %(wanted)s; this is a %(found)s.") % facts)]
    return [
        (field, _no_such(field) if words == _UNDECLARED else f"{field}: {words}")
        for field, words in _TYPED.findall(message)
    ]


def _no_such(field: str) -> str:
    return _("%(field)s: there is no such field here, or it is written twice.") % {"field": field}


def change_of(written: dict, before: dict | None, after: dict, labels: dict[str, str]) -> Change:
    """As `kubectl diff` shows it: the live object against what the server would make of it."""
    lines = list(
        difflib.unified_diff(
            _spelled(before, labels), _spelled(after, labels), _("live"), _("your text"), lineterm="", n=3
        )
    )
    effect = "created" if before is None else "configured" if lines else "unchanged"
    return Change(spell(written), effect, tuple(lines[2:][:DIFF_LINES]))


def _spelled(found: dict | None, labels: dict[str, str]) -> list[str]:
    """Without what the server and the platform keep in it."""
    if found is None:
        return []
    metadata = {key: value for key, value in found["metadata"].items() if key not in _SERVERS_OWN}
    own = {key: value for key, value in (metadata.pop("labels", None) or {}).items() if key not in labels}
    metadata |= {"labels": own} if own else {}
    shown = {key: value for key, value in found.items() if key != "status"} | {"metadata": metadata}
    return yaml.safe_dump(shown, allow_unicode=True, width=1000).splitlines()
