"""A chapter to print: its theory, its terms and its labs with all steps, on one page without a menu."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from curriculum.domain import spell_argv
from curriculum.enums import StepKind
from curriculum.parameters import SubstitutionError, fill_prose
from curriculum.specs import LabSpec, Step
from k8s_tasks.commands import NODES, command_of, manifest_of
from portal.chapters import chapter_or_404
from portal.glossary import terms_said
from portal.language import page_language


@login_not_required
@require_safe
def chapter(request, slug):
    """Solutions, hints and debriefs are not printed; values drawn for each student stay gaps, or are
    those of the lab's recording where it has one."""
    chapter = chapter_or_404(slug)
    language = page_language()
    theory = chapter.theory(language)
    bodies = [step.body(language) for lab in chapter.labs for step in lab.steps]
    intros = [lab.intro(language) for lab in chapter.labs]
    context = {
        "chapter": chapter,
        "theory": theory,
        "labs": [lab_context(lab, language) for lab in chapter.labs],
        "terms": terms_said(theory, *intros, *bodies),
    }
    return render(request, "print.html", context)


def lab_context(lab: LabSpec, language: str) -> dict:
    recording = lab.recording
    values = {**recording.values, **recording.parameters} if recording else {}
    return {
        "spec": lab,
        "is_example": bool(values),
        "intro": fill_prose(lab.intro(language), values),
        "steps": [step_context(lab, step, language, values) for step in lab.steps],
    }


def step_context(lab: LabSpec, step: Step, language: str, values: dict) -> dict:
    return {
        "spec": step,
        "body": fill_prose(step.body(language), values),
        "place": step.pod or (NODES[step.node] if step.kind == StepKind.NODE else ""),
        "command": _spelled(lambda: spell_argv(command_of(step, values) or [])),
        "manifest": _spelled(lambda: manifest_of(lab, step, values)) if step.manifest else "",
    }


def _spelled(spell) -> str:
    """Empty where a value is not known before there is a cluster."""
    try:
        return spell()
    except SubstitutionError:
        return ""
