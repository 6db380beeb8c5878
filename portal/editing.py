"""The doors of a step whose manifest the student edits: keep, check, apply, and the way back.

Without JavaScript every button of the form comes here and leads to a page; the editor uses the same.
"""

from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import reswap, retarget, trigger_client_event

from curriculum import domain as work
from curriculum.specs import Step
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.domain import editing
from k8s_tasks.reviewing import Review
from portal import access
from portal.lab_page import Sitting, lab_page, step_in
from portal.refusals import tells_refusals
from portal.sessions import page_of
from portal.steps import step_fragment


@require_POST
@tells_refusals
def edit(request, session_id, step):
    """`act` is the button: check, apply, original, mine, or nothing, to keep what is written."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    sitting, spec = step_in(session, step)
    act = ACTS.get(request.POST.get("act", ""), keep)
    return act(request, sitting, spec)


@require_safe
def hints(request, session_id, step):
    """The fields of the kinds that are edited; nothing where the cluster does not say."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    _sitting, spec = step_in(session, step)
    try:
        found = editing.hints_for(session, spec)
    except ClusterError:
        found = {"kinds": {}, "types": {}}
    return JsonResponse(found)


def keep(request, sitting: Sitting, step: Step):
    work.save_draft(sitting.attempt, step, text_in(request))
    return HttpResponse(status=204)


def check(request, sitting: Sitting, step: Step):
    return reviewed(request, sitting, step, editing.review_text(sitting.session, step, text_in(request)))


def apply(request, sitting: Sitting, step: Step):
    try:
        started = editing.start_edit(sitting.session, step, text_in(request), user=request.user)
    except editing.EditRefused as refusal:
        return reviewed(request, sitting, step, Review(refusal.problems), status=422)
    if not request.htmx:
        return redirect(page_of(sitting.session))
    event = {"run": str(started.pk), "step": step.key, "pane": step.pane or ""}
    response = trigger_client_event(step_fragment(request, sitting, step.key), "run-started", event)
    return reswap(retarget(response, f"#step-{step.key}"), "outerHTML")


def original(request, sitting: Sitting, step: Step):
    work.save_draft(sitting.attempt, step, text_in(request))
    work.return_to_original(sitting.attempt, step)
    return redirect(page_of(sitting.session))


def mine(request, sitting: Sitting, step: Step):
    work.bring_back_draft(sitting.attempt, step)
    return redirect(page_of(sitting.session))


ACTS = {"check": check, "apply": apply, "original": original, "mine": mine}


def text_in(request) -> str:
    return request.POST.get("text", "")


def reviewed(request, sitting: Sitting, step: Step, review: Review, *, status: int = 200):
    if request.htmx:
        return render(request, "lab.html#review", {"spec": step, "review": review}, status=status)
    typed = {step.key: text_in(request)}
    return lab_page(request, sitting, status=status, typed=typed, reviews={step.key: review})
