"""A raised hand: with the run it is about; answered and, if allowed, watched by instructors."""

from django.db import IntegrityError, transaction
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from k8s_tasks.enums import OPEN_RUN_STATES, RunKind
from k8s_tasks.models import LabSession
from k8s_tasks.streams import publish_notice
from portal import access
from portal.models import Classroom, HelpDeed, HelpLog, HelpRequest, Note, User
from portal.notes import tell_students
from portal.taught import taught_or_404

LONGEST = 1000
NOT_SHOWN = (RunKind.VERIFY, RunKind.TERMINAL)


@require_safe
def hand(request, session_id):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    return render(request, "parts/hand.html", hand_context(session))


@require_POST
def raise_hand(request, session_id):
    """With the newest run of the session: most questions are about what has just been seen."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    facts = {
        "text": request.POST.get("text", "").strip()[:LONGEST],
        "run": session.runs.exclude(kind__in=NOT_SHOWN).order_by("-created_at").first(),
        "watch_given_at": timezone.now() if "watch" in request.POST else None,
    }
    try:
        with transaction.atomic():
            asked = HelpRequest.objects.create(student=request.user, session=session, **facts)
            note_deed(asked, request.user, HelpDeed.RAISED)
            if asked.watch_given_at:
                note_deed(asked, request.user, HelpDeed.ALLOWED)
    except IntegrityError:
        pass  # it is up already
    return _told(request, session)


@require_POST
def change_hand(request, session_id):
    """`act`: allow or withdraw watching, or close."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    asked = get_object_or_404(session.hands.filter(closed_at=None))
    match request.POST.get("act"):
        case "allow":
            asked.watch_given_at = asked.watch_given_at or timezone.now()
            deed = HelpDeed.ALLOWED
        case "withdraw":
            asked.watch_given_at, deed = None, HelpDeed.WITHDREW
        case _:
            asked.closed_at, asked.watch_given_at, deed = timezone.now(), None, HelpDeed.CLOSED
    with transaction.atomic():
        asked.save()
        note_deed(asked, request.user, deed)
    return _told(request, session)


@require_POST
def answer(request, class_id, hand_id):
    """A note on the student's lab page; `close` lowers the hand with it."""
    classroom = taught_or_404(request, class_id)
    asked = get_object_or_404(hands_of(classroom), pk=hand_id)
    text = request.POST.get("text", "").strip()[:LONGEST]
    with transaction.atomic():
        if text:
            lab = asked.session.attempt.lab.slug
            facts = {"classroom": classroom, "author": request.user, "student": asked.student}
            Note.objects.create(lab=lab, text=text, **facts)
            note_deed(asked, request.user, HelpDeed.ANSWERED)
        if "close" in request.POST:
            HelpRequest.objects.filter(pk=asked.pk).update(closed_at=timezone.now(), watch_given_at=None)
            note_deed(asked, request.user, HelpDeed.CLOSED)
    tell_students([asked.student])
    publish_notice(asked.session_id, "help", {})
    return redirect("class-live", class_id=classroom.pk)


@require_safe
def watch(request, class_id, hand_id):
    """To the student's live terminal, read-only; noted for the student to see."""
    classroom = taught_or_404(request, class_id)
    return to_watched_terminal(
        request, get_object_or_404(hands_of(classroom).exclude(watch_given_at=None), pk=hand_id)
    )


def to_watched_terminal(request, asked: HelpRequest):
    """`asked` allows it; that it was watched is noted where the student reads it."""
    terminal = get_object_or_404(live_terminals(asked.session))
    note_deed(asked, request.user, HelpDeed.WATCHED)
    publish_notice(asked.session_id, "help", {})
    return redirect("run", run_id=terminal.pk)


def hands_of(classroom: Classroom):
    """Raised in this class, the longest waiting first."""
    hands = HelpRequest.objects.filter(closed_at=None, student__classrooms=classroom)
    return hands.select_related("student", "session__attempt__lab", "run").order_by("created_at")


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
    """What the student sees: whether anybody could answer, the hand that is up, and who did what about it."""
    asked = session.hands.filter(closed_at=None).first()
    return {
        "session": session,
        "hand": asked,
        "hand_log": asked.log.select_related("person") if asked else [],
        "has_teachers": session.attempt.student.classrooms.filter(archived_at=None).exists(),
    }


def note_deed(asked: HelpRequest, person: User, deed: HelpDeed) -> None:
    HelpLog.objects.create(request=asked, person=person, deed=deed)


def _told(request, session: LabSession):
    publish_notice(session.pk, "help", {})
    if request.htmx:
        return render(request, "parts/hand.html", hand_context(session))
    return redirect(reverse("lab", kwargs={"slug": session.attempt.lab.slug}))
