"""A lab's page, and the start of a session."""

from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from curriculum import domain as work
from k8s_tasks import queries
from k8s_tasks.domain import sessions
from k8s_tasks.enums import LIVE_SESSION_STATES
from portal.lab_page import lab_or_404, lab_page, sitting_of
from portal.refusals import tells_refusals


@require_safe
def lab(request, slug):
    return lab_page(request, sitting_of(request.user, lab_or_404(slug)))


@require_POST
@tells_refusals
def start(request, slug):
    """Goes on with the student's attempt, or begins one; with `again` it begins another."""
    lab = lab_or_404(slug)
    attempt = None if request.POST.get("again") else work.current_attempt(request.user, lab)
    if attempt is None:
        leave_session(sitting_of(request.user, lab).session)
        attempt = sessions.begin_attempt(request.user, lab)
    session = queries.current_session(attempt)
    if session is None or session.state not in LIVE_SESSION_STATES:
        sessions.start_session(attempt)
    return redirect("lab", slug=slug)


def leave_session(session) -> None:
    if session is not None and session.state in LIVE_SESSION_STATES:
        sessions.end_session(session, _("Another attempt was begun."))
