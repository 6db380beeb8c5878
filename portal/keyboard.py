"""The keyboard of a student's terminal, lent to those who teach them.

It is lent apart from the leave to watch, and for the one terminal that is open then. Who presses the first
key has it alone. It ends when the student takes it back or the typist gives it back, and by itself with the
terminal, the session, the raised hand, the leave to watch or the class.

Every key is judged when it comes, by `grant_for_keys`, as things stand in the database then; ending a grant
also has the worker drop the keys it has not passed on yet (`withdraw_grant`). So nothing depends on when an
open page or a socket hears of it, nor on `end_what_ran_out`, which only tidies the rows and writes the log.
"""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from k8s_tasks.enums import OPEN_RUN_STATES
from k8s_tasks.models import SharedTyping
from k8s_tasks.streams import publish_notice
from k8s_tasks.terminal_input import withdraw_grant
from portal import access
from portal.hands import live_terminals, note_deed
from portal.models import Classroom, HelpDeed, HelpRequest, User


def lend(hand: HelpRequest) -> None:
    """The terminal that is open now; nothing happens where none is, or where it may not be watched."""
    terminal = live_terminals(hand.session).first()
    now = timezone.now()
    may_lend = HelpRequest.objects.filter(pk=hand.pk, closed_at=None, type_given_at=None)
    with transaction.atomic():
        if terminal and may_lend.exclude(watch_given_at=None).update(
            type_given_at=now, type_run=terminal, typist=None
        ):
            note_deed(hand, hand.student, HelpDeed.LENT, at=now)


def take_back(hand: HelpRequest, person: User | None, deed: HelpDeed, *, at: datetime | None = None) -> bool:
    """End the lending that `hand` tells of; False where it has ended meanwhile."""
    lent = HelpRequest.objects.filter(pk=hand.pk, type_given_at=hand.type_given_at)
    with transaction.atomic():
        ended = hand.type_given_at and lent.update(type_given_at=None, type_run=None, typist=None)
        if ended:
            note_deed(hand, person, deed, at=at)
    if ended and hand.type_run_id:
        withdraw_grant(hand.type_run_id, grant_of(hand))
    return bool(ended)


def grant_for_keys(person: User, run_id) -> str | None:
    """What lets `person` type in this terminal now; None where nothing does. Of the first key it is on record
    that it comes, before it goes anywhere."""
    hand = access.lent_keyboards(person).filter(type_run=run_id).first()
    if hand is None:
        return None
    if hand.typist_id is None:
        hand.typist_id = _begin(hand, person)
    return grant_of(hand) if hand.typist_id == person.pk else None


def keyboard_told(person: User, run_id) -> dict:
    """For the page that watches: whether `person` may type, and who has the keyboard, if anybody."""
    hand = access.lent_keyboards(person).filter(type_run=run_id).select_related("typist").first()
    typist = hand.typist if hand else None
    return {
        "mayType": hand is not None and typist in (None, person),
        "typist": str(typist.get_full_name() or typist) if typist else "",
    }


def grant_of(hand: HelpRequest) -> str:
    """Of each lending another one."""
    return f"{hand.pk}/{hand.type_given_at.isoformat()}"


def end_what_ran_out() -> None:
    """Write down what has ended by itself. For the watcher; may be done by several at once."""
    lent = HelpRequest.objects.exclude(type_given_at=None)
    for hand in lent.select_related("student", "session", "type_run", "typist"):
        if not _is_lent(hand) and take_back(hand, None, HelpDeed.RAN_OUT, at=_ended_at(hand)):
            publish_notice(hand.session_id, "help", {})


def _begin(hand: HelpRequest, person: User) -> int | None:
    """Who has the keyboard: `person`, unless somebody else was quicker; None where it was taken back."""
    free = HelpRequest.objects.filter(pk=hand.pk, type_given_at=hand.type_given_at, typist=None)
    with transaction.atomic():
        if not free.update(typist=person):
            now = HelpRequest.objects.filter(pk=hand.pk, type_given_at=hand.type_given_at)
            return now.values_list("typist", flat=True).first()
        SharedTyping.objects.get_or_create(run_id=hand.type_run_id, person=person)
        note_deed(hand, person, HelpDeed.TYPED)
    publish_notice(hand.session_id, "help", {})
    return person.pk


def _is_lent(hand: HelpRequest) -> bool:
    """Whether the typist, or where there is none anybody at all, could type now."""
    if hand.typist:
        people = [hand.typist] if hand.typist.is_active else []
    else:
        classes = Classroom.objects.filter(students=hand.student, archived_at=None)
        people = User.objects.filter(classrooms_taught__in=classes, is_active=True).distinct()
    return any(access.lent_keyboards(each).filter(pk=hand.pk).exists() for each in people)


def _ended_at(hand: HelpRequest) -> datetime | None:
    """When the terminal ended, where that is why."""
    run = hand.type_run
    return run.ended_at if run and run.state not in OPEN_RUN_STATES else None
