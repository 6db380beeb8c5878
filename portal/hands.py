"""Raised hands: who has one up, what their student sees of it, and its log."""

from datetime import datetime

from django.db.models import Count, Min, Q
from django.utils import timezone

from k8s_tasks.enums import LIVE_SESSION_STATES, OPEN_RUN_STATES, USABLE_SESSION_STATES, RunKind
from k8s_tasks.models import LabSession
from portal.models import Classroom, HelpDeed, HelpLog, HelpRequest, User


def hands_of(classroom: Classroom):
    """Raised in this class, the longest waiting first."""
    hands = HelpRequest.objects.filter(closed_at=None, student__classrooms=classroom)
    told = hands.select_related("student", "session__attempt__lab", "run", "typist")
    return told.annotate(answered_at=_first(HelpDeed.ANSWERED)).order_by("created_at")


def hands_with_times(classroom: Classroom):
    """All that were raised by students of this class, the newest first, with when which help came."""
    hands = HelpRequest.objects.filter(student__classrooms=classroom)
    return (
        hands.select_related("student", "session__attempt__lab")
        .annotate(
            answers=Count("log", filter=Q(log__deed=HelpDeed.ANSWERED)),
            answered_at=_first(HelpDeed.ANSWERED),
            lent_at=_first(HelpDeed.LENT),
            typed_at=_first(HelpDeed.TYPED),
        )
        .order_by("-created_at", "-pk")
    )


def _first(deed: HelpDeed) -> Min:
    return Min("log__at", filter=Q(log__deed=deed))


def hands_told(classroom: Classroom) -> list[dict]:
    return [
        {
            "hand": each,
            "lab": each.session.attempt.lab,
            "is_over": is_left(each),
            "can_watch": bool(each.watch_given_at) and live_terminals(each.session).exists(),
        }
        for each in hands_of(classroom)
    ]


def live_terminals(session: LabSession):
    """Of a session that has ended none: its shells are on their way out, whatever their rows still say."""
    terminals = session.runs.filter(kind=RunKind.TERMINAL, state__in=OPEN_RUN_STATES)
    return terminals.filter(session__state__in=USABLE_SESSION_STATES).order_by("-created_at")[:1]


def open_hands(session: LabSession) -> list[HelpRequest]:
    """Of its student in its lab: in this session, and in those before it that have ended."""
    attempt = session.attempt
    hands = HelpRequest.objects.filter(
        closed_at=None, student=attempt.student_id, session__attempt__lab=attempt.lab_id
    )
    return list(hands.select_related("session", "typist", "type_run"))


def is_left(hand: HelpRequest) -> bool:
    """Still up though its session has ended, this one maybe: an answer comes to the lab page all the same."""
    return hand.session.state not in LIVE_SESSION_STATES


def hand_context(session: LabSession) -> dict:
    """What the student sees: whether anybody could answer, the hand that is up, who did what about it,
    whether there is a terminal to lend, and the hands of sessions that have ended."""
    hands = open_hands(session)
    asked = next((each for each in hands if each.session_id == session.pk), None)
    return {
        "session": session,
        "hand": asked,
        "hands_left": list(filter(is_left, hands)),
        "is_over": session.state not in LIVE_SESSION_STATES,
        "hand_log": asked.log.select_related("person") if asked else [],
        "can_lend": bool(asked and asked.watch_given_at) and live_terminals(session).exists(),
        "has_teachers": session.attempt.student.classrooms.filter(archived_at=None).exists(),
    }


def note_deed(asked: HelpRequest, person: User | None, deed: HelpDeed, *, at: datetime | None = None) -> None:
    """`person` is None for what ends by itself."""
    HelpLog.objects.create(request=asked, person=person, deed=deed, at=at or timezone.now())
