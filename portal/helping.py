"""The doors of a raised hand: with the run it is about; answered and, if allowed, watched by instructors,
who may also be lent the keyboard."""

from csp.decorators import csp_update
from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from k8s_tasks.enums import RunKind
from k8s_tasks.models import LabSession
from k8s_tasks.streams import publish_notice
from portal import access, keyboard
from portal.hands import hand_context, hands_of, is_left, live_terminals, note_deed, open_hands
from portal.lab_page import TERMINAL_CSP
from portal.models import Classroom, HelpDeed, HelpRequest, Note, User
from portal.notes import tell_students
from portal.taught import taught_or_404

LONGEST = 1000
NOT_SHOWN = (RunKind.VERIFY, RunKind.TERMINAL)


@require_safe
def hand(request, session_id):
    """htmx asks for what stands beside the terminal alone."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    part = "parts/keyboard.html" if request.htmx.target == "keyboard" else "parts/hand.html"
    return render(request, part, hand_context(session))


@require_POST
def raise_hand(request, session_id):
    """With the newest run of the session: most questions are about what has just been seen. It takes the
    place of a hand that was left up in a session that has ended."""
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
            for old in open_hands(session):
                if is_left(old) and old != asked:
                    _close(old, request.user)
    except IntegrityError:
        pass  # it is up already
    return _told(request, session)


@require_POST
def change_hand(request, session_id):
    """`act`: allow or withdraw watching, lend the keyboard or take it back, or close. With the watching and
    with the hand the keyboard comes back too."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    asked = get_object_or_404(session.hands.filter(closed_at=None))
    match request.POST.get("act"):
        case "allow":
            _change(
                asked, request.user, HelpDeed.ALLOWED, watch_given_at=asked.watch_given_at or timezone.now()
            )
        case "withdraw":
            _change(asked, request.user, HelpDeed.WITHDREW, watch_given_at=None)
        case "lend":
            keyboard.lend(asked)
        case "take-back":
            keyboard.take_back(asked, request.user, HelpDeed.TOOK_BACK)
        case "close":
            _close(asked, request.user)
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
        _close(asked, request.user)
    elif not text:
        messages.error(request, _("Write something first."))
    if text:
        messages.success(request, _("Your answer is on the student's lab page."))
    tell_students([asked.student])
    publish_notice(asked.session_id, "help", {})
    return redirect("class-live", class_id=classroom.pk)


@require_safe
def watch(request, class_id, hand_id):
    """The student's live terminal; noted for the student to see."""
    classroom = taught_or_404(request, class_id)
    asked = get_object_or_404(hands_of(classroom).exclude(watch_given_at=None), pk=hand_id)
    return watch_page(request, asked, classroom)


@require_POST
def give_back(request, class_id, hand_id):
    """The keyboard, by who may use it."""
    classroom = taught_or_404(request, class_id)
    lent = access.lent_keyboards(request.user).filter(pk__in=hands_of(classroom).values("pk"))
    asked = get_object_or_404(lent, pk=hand_id)
    keyboard.take_back(asked, request.user, HelpDeed.GAVE_BACK)
    publish_notice(asked.session_id, "help", {})
    if request.htmx:
        return HttpResponse(status=204)
    return redirect("class-live", class_id=classroom.pk)


@csp_update(TERMINAL_CSP)
def watch_page(request, asked: HelpRequest, classroom: Classroom | None = None):
    """`asked` allows it; without a classroom it is an administrator's."""
    terminal = get_object_or_404(live_terminals(asked.session))
    note_deed(asked, request.user, HelpDeed.WATCHED)
    publish_notice(asked.session_id, "help", {})
    context = {"hand": asked, "terminal": terminal, "classroom": classroom, "session": asked.session}
    return render(request, "watch.html", context | {"lab": asked.session.attempt.lab})


def _change(asked: HelpRequest, person: User, deed: HelpDeed, **changes) -> None:
    """What closes the hand or ends the watching brings the keyboard back: it is never lent without them."""
    with transaction.atomic():
        HelpRequest.objects.filter(pk=asked.pk).update(**changes)
        note_deed(asked, person, deed)
    if changes["watch_given_at"] is None:
        keyboard.take_back(asked, None, HelpDeed.RAN_OUT)


def _close(asked: HelpRequest, person: User) -> None:
    _change(asked, person, HelpDeed.CLOSED, closed_at=timezone.now(), watch_given_at=None)


def _told(request, session: LabSession):
    publish_notice(session.pk, "help", {})
    if request.htmx:
        return render(request, "parts/hand_told.html", hand_context(session))
    return redirect(reverse("lab", kwargs={"slug": session.attempt.lab.slug}))
