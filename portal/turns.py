"""Whose turn it is in the replay of a shared terminal: where the keyboard changed hands, and to whom.

When, the recording says, between what was printed. Names are not in it: they stand in the database, where
they can be erased.
"""

from collections.abc import Iterable, Sequence

from django.utils.translation import gettext as _

from k8s_tasks.models import Run
from portal.failures import Place, seconds_into
from portal.models import HelpDeed, HelpLog, User

STUDENT, INSTRUCTOR = "student", "instructor"
CLOCKS = 0.05  # seconds: what is on record comes before its key, as far as two clocks agree
Turn = tuple[float, str, str]  # seconds, who, and the name of an instructor


def turns_during(run: Run, marks: Sequence[tuple[float, str]]) -> list[Place]:
    """`marks`: the recording's own, see `turns_in`. Two queries; none for a terminal nobody else typed in."""
    typings = [
        (seconds_into(run, each.began_at), INSTRUCTOR, _name_of(each.person))
        for each in run.typings.select_related("person")
    ]
    if not typings:
        return []
    holders = _holders(run)
    told = [(at, who, _holder_at(holders, at) if who == INSTRUCTOR else "") for at, who in marks]
    return [Place(at, who, _title(who, name)) for at, who, name in _changes([*typings, *told])]


def _changes(turns: Iterable[Turn]) -> list[Turn]:
    """In order, without those that change nothing: the student has the keyboard at first."""
    found = [(0.0, STUDENT, "")]
    for turn in sorted(turns):
        if turn[1:] != found[-1][1:]:
            found.append(turn)
    return found[1:]


def _holders(run: Run) -> list[tuple[float, str]]:
    """Who pressed the first key of each lending: one has the keyboard of a session at a time."""
    typed = HelpLog.objects.filter(request__session=run.session_id, deed=HelpDeed.TYPED)
    return [(seconds_into(run, each.at), _name_of(each.person)) for each in typed.select_related("person")]


def _holder_at(holders: Iterable[tuple[float, str]], at: float) -> str:
    return next((name for since, name in reversed(list(holders)) if since <= at + CLOCKS), _name_of(None))


def _name_of(person: User | None) -> str:
    return str(person.get_full_name() or person) if person else _("An instructor")


def _title(who: str, name: str) -> str:
    return _("%(person)s types.") % {"person": name} if who == INSTRUCTOR else _("The student types.")
