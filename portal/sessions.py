"""The doors of one lab session: its state, its time, its verdicts."""

from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from k8s_tasks import queries
from k8s_tasks.domain import runs
from k8s_tasks.domain import sessions as domain
from portal import access
from portal.lab_page import frame_context, sitting_in, verdicts_context
from portal.refusals import tells_refusals


@require_safe
def status(request, session_id):
    session = get_object_or_404(access.visible_sessions(request.user), pk=session_id)
    return render(request, "lab.html#status", frame_context(sitting_in(session, reader=request.user)))


@require_safe
def verdicts(request, session_id):
    session = get_object_or_404(access.visible_sessions(request.user), pk=session_id)
    return render(request, "lab.html#verdicts", verdicts_context(sitting_in(session, reader=request.user)))


@require_safe
def topology(request, session_id):
    session = get_object_or_404(access.visible_sessions(request.user), pk=session_id)
    return JsonResponse(queries.topology(session))


@require_POST
@tells_refusals
def extend(request, session_id):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    domain.extend_session(session)
    session.refresh_from_db()
    if request.htmx:
        return render(request, "lab.html#status", frame_context(sitting_in(session)))
    return redirect(page_of(session))


@require_POST
@tells_refusals
def reset(request, session_id):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    domain.reset_session(session)
    return go_to(request, page_of(session))


@require_POST
@tells_refusals
def end(request, session_id):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    if request.POST.get("from") == "my-work":
        domain.end_session(session, _("It was ended from the page of one's own labs."))
        return go_to(request, reverse("my-work"))
    domain.end_session(session, _("It was ended from the lab page."))
    return go_to(request, page_of(session))


@require_POST
@tells_refusals
def verify(request, session_id):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    run = runs.start_verification(session, user=request.user)
    if not request.htmx:
        return redirect(page_of(session))
    response = render(request, "lab.html#verdicts", verdicts_context(sitting_in(session)))
    return trigger_client_event(response, "run-started", {"run": str(run.pk), "step": "", "pane": ""})


def go_to(request, page: str):
    """To a page, whole: after a reset or an end nothing on it is as it was."""
    return HttpResponseClientRedirect(page) if request.htmx else redirect(page)


def page_of(session) -> str:
    return reverse("lab", kwargs={"slug": session.attempt.lab.slug})
