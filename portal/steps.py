"""The doors of a lab's steps: run its command, commit its answer, open a terminal."""

from django.http import JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from curriculum import domain as work
from curriculum.enums import StepKind
from curriculum.predictions import SEPARATOR, move_choice, split_order
from curriculum.specs import Step
from k8s_tasks import queries
from k8s_tasks.domain import runs
from k8s_tasks.domain.rechecks import ask_recheck
from portal import access
from portal.lab_page import lab_page, sitting_in, step_context, step_in, step_or_404, waiting_for
from portal.refusals import REFUSALS, sentence_of, status_of, tells_refusals
from portal.sessions import page_of

TERMINAL_SIZE = {"columns": 80, "rows": 24}
LARGEST_SIDE = 1000


@require_safe
def show(request, session_id, step):
    session = get_object_or_404(access.visible_sessions(request.user), pk=session_id)
    return step_fragment(request, sitting_in(session, reader=request.user), step)


@require_POST
@tells_refusals
def run(request, session_id, step):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    sitting, spec = step_in(session, step)
    started = runs.start_run(session, spec, user=request.user)
    if not request.htmx:
        return redirect(page_of(session))
    event = {"run": str(started.pk), "step": step, "pane": spec.pane or ""}
    return trigger_client_event(step_fragment(request, sitting, step), "run-started", event)


@require_POST
@tells_refusals
def answer(request, session_id, step):
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    sitting, spec = step_in(session, step)
    value = SEPARATOR.join(request.POST.getlist("value"))  # an order comes item by item
    if "move" in request.POST and spec.prediction:
        return moved(request, sitting, spec, value)
    if spec.kind == StepKind.PREDICT:
        sureness = whole_number(request.POST.get("confidence"), 0)
        work.record_prediction(session.attempt, spec, value, sureness)
    else:
        work.record_answer(session.attempt, spec, value)
    ask_recheck(session.pk)
    if not request.htmx:
        return redirect(page_of(session))
    event = {"steps": waiting_for(sitting.lab, spec)}
    return trigger_client_event(step_fragment(request, sitting, step), "step-changed", event)


def moved(request, sitting, step: Step, value: str):
    """The form of an order with one item moved; nothing is kept until it is committed."""
    typed = {step.key: SEPARATOR.join(move_choice(split_order(value), request.POST["move"]))}
    if not request.htmx:
        return lab_page(request, sitting, typed=typed)
    return render(request, "lab.html#step", step_context(sitting, step, typed))


@require_POST
@tells_refusals
def hint(request, session_id, step):
    """Open the hint that comes next at the step."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    sitting, spec = step_in(session, step)
    number = whole_number(request.POST.get("number"), 0)
    work.open_hint(session.attempt, spec, number, queries.failing_reasons(session.attempt))
    return step_fragment(request, sitting, step) if request.htmx else redirect(page_of(session))


@require_POST
def open_terminal(request, session_id):
    """Only the student whose pods these are types in them. Answers JSON: {run} or {error}."""
    session = get_object_or_404(access.own_sessions(request.user), pk=session_id)
    size = {side: whole_number(request.POST.get(side), default) for side, default in TERMINAL_SIZE.items()}
    try:
        started = runs.start_terminal(session, request.POST.get("pod", ""), user=request.user, **size)
    except REFUSALS as refusal:
        return JsonResponse({"error": sentence_of(refusal)}, status=status_of(refusal))
    return JsonResponse({"run": str(started.pk)})


def whole_number(text: str | None, default: int) -> int:
    if not (text or "").isdecimal():
        return default
    return min(max(1, int(text)), LARGEST_SIDE)


def step_fragment(request, sitting, key: str):
    return render(request, "lab.html#step", step_context(sitting, step_or_404(sitting.lab, key)))
