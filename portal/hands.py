"""Raised hands: who has one up, what their student sees of it, and its log."""

from datetime import datetime

from django.utils import timezone

from k8s_tasks.enums import OPEN_RUN_STATES, RunKind
from k8s_tasks.models import LabSession
from portal.models import Classroom, HelpDeed, HelpLog, HelpRequest, User


def hands_of(classroom: Classroom):
    """Raised in this class, the longest waiting first."""
    hands = HelpRequest.objects.filter(closed_at=None, student__classrooms=classroom)
    return hands.select_related("student", "session__attempt__lab", "run", "typist").order_by("created_at")


def hands_told(classroom: Classroom) -> list[dict]:
    return [
        {
            "hand": each,
            "lab": each.session.attempt.lab,
            "can_watch": bool(each.watch_given_at) and live_terminals(each.session).exists(),
        }
        for each in hands_of(classroom)
    ]


def live_terminals(session: LabSession):
    terminals = session.runs.filter(kind=RunKind.TERMINAL, state__in=OPEN_RUN_STATES)
    return terminals.order_by("-created_at")[:1]


def hand_context(session: LabSession) -> dict:
    """What the student sees: whether anybody could answer, the hand that is up, who did what about it, and
    whether there is a terminal to lend."""
    asked = session.hands.filter(closed_at=None).select_related("typist", "type_run").first()
    return {
        "session": session,
        "hand": asked,
        "hand_log": asked.log.select_related("person") if asked else [],
        "can_lend": bool(asked and asked.watch_given_at) and live_terminals(session).exists(),
        "has_teachers": session.attempt.student.classrooms.filter(archived_at=None).exists(),
    }


def note_deed(asked: HelpRequest, person: User | None, deed: HelpDeed, *, at: datetime | None = None) -> None:
    """`person` is None for what ends by itself."""
    HelpLog.objects.create(request=asked, person=person, deed=deed, at=at or timezone.now())
