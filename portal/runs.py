"""A run afterwards: its replay, its transcript, and the way to stop it while it goes on."""

from csp.constants import WASM_UNSAFE_EVAL
from csp.decorators import csp_update
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe
from redis.exceptions import RedisError

from curriculum.casts import plain_text, read_events, shorten
from curriculum.domain import spell_argv
from curriculum.specs import LabSpec
from k8s_tasks.domain import runs as domain
from k8s_tasks.domain.captures import captures_packets
from k8s_tasks.enums import RunKind
from k8s_tasks.models import Run
from k8s_tasks.signing import export_of
from k8s_tasks.transcripts import as_cast, turns_in
from portal import access
from portal.failures import failures_during
from portal.lab_page import find_lab
from portal.refusals import tells_refusals
from portal.turns import turns_during

# The player's screen is a WebAssembly module: docs/decisions/0007-who-plays-replays.md.
REPLAY_CSP = {"script-src": [WASM_UNSAFE_EVAL]}
READ_BYTES = 200_000  # of a transcript in the page; the whole can be downloaded


@csp_update(REPLAY_CSP)
@require_safe
def run(request, run_id):
    run = get_object_or_404(access.visible_runs(request.user), pk=run_id)
    lab = find_lab(run.session.attempt.lab.slug)
    context = {
        "run": run,
        "lab": lab,
        "student": run.session.attempt.student,
        "argv_text": spell_argv(run.argv),
        "results": results_context(run, lab),
        "has_packets": captures_packets(run),
        "typings": run.typings.select_related("person"),
    }
    if not context["results"]:
        context |= replay_context(run, lab)
    return render(request, "run.html", context)


def replay_context(run: Run, lab: LabSpec | None) -> dict:
    """The replay, where it can jump to, and its text for those who only read."""
    try:
        cast = as_cast(run)
        (text, left_out), marks = shorten(read_events(cast), most=READ_BYTES), turns_in(cast)
    except RedisError:  # it holds the output of runs that still go on
        text, left_out, marks = [], 0, []
    turns = turns_during(run, marks)
    return {
        "cast_url": reverse("run-cast", kwargs={"run_id": run.pk}),
        "is_terminal": run.kind == RunKind.TERMINAL,
        "places": sorted((*failures_during(run, lab), *turns), key=lambda place: place.at),
        "has_turns": bool(turns),
        "transcript": plain_text(text),
        "left_out": left_out,
    }


def results_context(run: Run, lab: LabSpec | None) -> list[dict]:
    """What a verification found, in the words of the lab; a lab that was dropped has only its keys."""
    titles = {condition.key: condition.title for condition in lab.conditions} if lab else {}
    results = run.results.all()
    return [{"title": titles.get(result.condition, result.condition), "result": result} for result in results]


@require_safe
def cast(request, run_id):
    """asciicast v2. It holds what a pod printed: never to be taken for a page of ours."""
    run = get_object_or_404(access.visible_runs(request.user), pk=run_id)
    try:
        transcript = as_cast(run)
    except RedisError:  # it holds the output of runs that still go on
        return HttpResponse(status=503)
    response = HttpResponse(transcript, content_type="application/x-asciicast; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{run.pk}.cast"'
    return response


@require_safe
def evidence(request, attempt_id):
    """Every verdict of an attempt, signed, as a file: `manage.py evidence verify FILE` checks it."""
    attempt = get_object_or_404(access.visible_attempts(request.user), pk=attempt_id)
    response = JsonResponse(export_of([attempt]), json_dumps_params={"ensure_ascii": False, "indent": 1})
    response["Content-Disposition"] = f'attachment; filename="{attempt.lab.slug}-{attempt.pk}.json"'
    return response


@require_POST
@tells_refusals
def cancel(request, run_id):
    run = get_object_or_404(access.own_runs(request.user), pk=run_id)
    domain.cancel_run(run, reason=_("It was stopped from the page."))
    if request.htmx:
        return HttpResponse(status=204)
    return redirect("lab", slug=run.session.attempt.lab.slug)
