"""What differs between attempts: values drawn from the seed, and their place in commands.

Each parameter has a random stream of its own, so that a new parameter in a lab does not change
the others' values for an old seed.
"""

import random
import re
import shlex
import string
from collections.abc import Iterable, Mapping

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from curriculum.draws import draw_value
from curriculum.specs import CARD, LabSpec, Step

UNKNOWN_VALUE = "…"
_PROSE_NAME = re.compile(r"\$\{(?P<braced>[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}", re.ASCII)
_SAFE_VALUE = re.compile(r"[A-Za-z0-9._:-]+")


class SubstitutionError(ValueError):
    """A template asks for a value that is not there, or is no valid template."""


class _Template(string.Template):
    idpattern = r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*"
    flags = re.ASCII


class _Values(Mapping):
    """Values by dotted name: `beto.ip` is a key of that name, or `ip` within `beto`."""

    def __init__(self, values: Mapping[str, object]):
        self._values = values

    def __contains__(self, name: object) -> bool:
        try:
            self[str(name)]
        except KeyError:
            return False
        return True

    def __getitem__(self, name: str) -> object:
        if name in self._values:
            return self._values[name]
        value: object = self._values
        for part in name.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise KeyError(name)
            value = value[part]
        return value

    def __iter__(self):
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def draw_parameters(lab: LabSpec, seed: int) -> dict[str, str | int]:
    """The lab's parameters for a seed, with the card and what is written on it: the same for ever."""
    drawn = {name: draw_value(parameter, f"{seed}:{name}") for name, parameter in lab.parameters.items()}
    if not lab.deck:
        return drawn
    card = card_of(lab, seed)
    return drawn | {CARD: card} | settle(lab.deck[card].values, drawn)


def card_of(lab: LabSpec, seed: int) -> str:
    """The card of the lab's deck that a seed deals."""
    return random.Random(f"{seed}:{CARD}").choice(list(lab.deck))


def settle(values: Mapping[str, object], known: Mapping[str, object]) -> dict[str, object]:
    """Values that speak of others, filled in as far as those are known: the cluster decides some later."""
    return {
        name: _Template(value).safe_substitute(_Values(known)) if isinstance(value, str) else value
        for name, value in values.items()
    }


def substitute(template: str, values: Mapping[str, object]) -> str:
    """The template with each `${name}` or `${pod.ip}` filled in; `$$` is a dollar sign.

    Raises SubstitutionError for a name without a value and for a `$` that begins no name.
    """
    try:
        return _Template(template).substitute(_Values(values))
    except KeyError as error:
        raise SubstitutionError(f"{error.args[0]!r} has no value in {_shorten(template)}") from None
    except ValueError as error:
        raise SubstitutionError(f"{_shorten(template)} is no template: {error}") from None


def render_argv(step: Step, values: Mapping[str, object]) -> list[str]:
    """The step's command, word by word. A word may be a shell's script, so a value that a shell
    would read as more than a word is refused with SubstitutionError."""
    for name in set().union(*map(names_in, step.argv)):
        if not _SAFE_VALUE.fullmatch(substitute(f"${{{name}}}", values)):
            raise SubstitutionError(f"the value of {name!r} is no plain word")
    return [substitute(word, values) for word in step.argv]


def fill_prose(html: str, values: Mapping[str, object]) -> SafeString:
    """Rendered prose with the student's own values in it; one that is not known yet stays a gap."""
    known = _Values(values)

    def word(found: re.Match) -> str:
        name = found["braced"]
        return escape(known[name]) if name in known else UNKNOWN_VALUE

    return mark_safe(_PROSE_NAME.sub(word, html))  # noqa: S308 - the prose is ours, the values are escaped


def names_in_prose(html: str) -> set[str]:
    return {found["braced"] for found in _PROSE_NAME.finditer(html)}


def spell_argv(argv: list[str]) -> str:
    """The command as one types it in a shell."""
    return shlex.join(argv)


def names_in(template: str) -> set[str]:
    """The names a template asks for. Raises SubstitutionError when it is no template."""
    if not _Template(template).is_valid():
        raise SubstitutionError(f"{template!r} has a '$' that begins no name; write '$$' for a dollar sign")
    return set(_Template(template).get_identifiers())


def pods_asked(template: str, pods: Iterable[str]) -> set[str]:
    """Those of the pods whose address the template asks for. Raises SubstitutionError as `names_in`."""
    names = names_in(template)
    return {pod for pod in pods if f"{pod}.ip" in names}


def _shorten(template: str) -> str:
    return repr(template if len(template) <= 80 else template[:77] + "...")
