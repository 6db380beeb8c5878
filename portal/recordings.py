"""A lab read with its recorded outputs: for where no cluster can be had, or whoever wants to see it first.

Nothing runs and nothing is verified here, so it earns no pass. Like the theory it is open to everybody.
"""

from django.contrib.auth.decorators import login_not_required
from django.http import FileResponse, Http404
from django.shortcuts import render
from django.views.decorators.http import require_safe

from curriculum.casts import plain_text
from curriculum.parameters import fill_prose
from curriculum.recordings import RecordedStep, Recording, recording_lacks
from curriculum.specs import LabSpec, Step
from k8s_tasks.enums import RunState
from portal.lab_page import lab_or_404, terms_of
from portal.language import page_language
from portal.plotting import shown_at
from portal.predicting import lines_of, options_of


@login_not_required
@require_safe
def recording(request, slug):
    lab = lab_or_404(slug)
    return render(request, "recording.html", recording_context(lab, recording_or_404(lab)))


@login_not_required
@require_safe
def cast(request, slug, step):
    """asciicast v2. It holds what a pod printed: never to be taken for a page of ours."""
    file = recording_or_404(lab_or_404(slug)).cast_file(step)
    if file is None:
        raise Http404(f"no recorded output of {step} in {slug}")
    return FileResponse(
        file.open("rb"), as_attachment=True, content_type="application/x-asciicast; charset=utf-8"
    )


def recording_or_404(lab: LabSpec) -> Recording:
    if lab.recording is None:
        raise Http404(f"no recording of {lab.slug}")
    return lab.recording


def recording_context(lab: LabSpec, recording: Recording) -> dict:
    language = page_language()
    values = {**recording.values, **recording.parameters}
    printed = {step.key: plain_text(recording.events(step.key)) for step in lab.steps} if lab.plots else {}
    return {
        "lab": lab,
        "terms": terms_of(lab),
        "recording": recording,
        "is_old": bool(recording_lacks(lab)),
        "pods": [{"name": pod.name, **recording.values.get(pod.name, {})} for pod in lab.pods],
        "intro": fill_prose(lab.intro(language), values),
        "debrief": fill_prose(lab.debrief(language), values),
        "steps": [
            step_context(step, recording, values) | {"plots": shown_at(step, lab, printed)}
            for step in lab.steps
        ],
        "conditions": [
            {"title": condition.title, "reason": recording.conditions[condition.key]}
            for condition in lab.conditions
            if condition.key in recording.conditions
        ],
    }


def step_context(step: Step, recording: Recording, values: dict) -> dict:
    done = recording.step(step.key)
    return {
        "spec": step,
        "body": fill_prose(step.body(page_language()), values),
        "done": done,
        "choices": [words for _, words in options_of(step, None, None)] if step.prediction else [],
        "answer": lines_of(step.prediction, done.answer) if done and done.answer else [],
        "ending": ending_of(done),
        "output": plain_text(recording.events(step.key)),
    }


def ending_of(done: RecordedStep | None) -> str:
    """How the run ended, in words; empty where nothing ran."""
    return str(RunState(done.state).label) if done and done.state in RunState.values else ""
