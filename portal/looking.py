"""An administrator looks at a student's lab page: as the student sees it, and nothing on it acts.

Who opened which is on record in the panel. A live terminal is watched on the terms an instructor has: while
the student's raised hand allows it, and they read who did.
"""

from django.contrib.admin.models import CHANGE, LogEntry
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext_noop
from django.views.decorators.http import require_safe

from k8s_tasks.models import LabSession
from k8s_tasks.on_record import record_of
from portal import access
from portal.hands import live_terminals
from portal.helping import watch_page
from portal.lab_page import lab_page, sitting_in
from portal.models import HelpRequest
from portal.sessions import page_of


@require_safe
def look(request, session_id):
    session = get_object_or_404(access.inspected_sessions(request.user), pk=session_id)
    if session.attempt.student == request.user:
        return redirect(page_of(session))
    _keep_that_it_was_opened(request.user, session)
    extra = {"watched": _watched_hand(session), "has_terminal": live_terminals(session).exists()}
    return lab_page(request, sitting_in(session, reader=request.user), extra=extra)


@require_safe
def terminal(request, session_id):
    session = get_object_or_404(access.inspected_sessions(request.user), pk=session_id)
    hand = _watched_hand(session)
    return watch_page(request, get_object_or_404(HelpRequest, pk=hand.pk if hand else None))


def _watched_hand(session: LabSession) -> HelpRequest | None:
    return session.hands.filter(closed_at=None, watch_given_at__isnull=False).first()


def _keep_that_it_was_opened(person, session: LabSession) -> None:
    record = record_of(gettext_noop("Opened read-only."))
    LogEntry.objects.log_actions(person.pk, [session], CHANGE, change_message=record, single_object=True)
