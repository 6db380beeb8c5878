"""Whether what a condition probes, asks and times is there, and its samples are enough to decide."""

import dataclasses
import re
from collections.abc import Iterator

from curriculum.cel import CelError, compile_expression
from curriculum.documents import Document
from curriculum.enums import StepKind
from curriculum.kinds import NODE_PLACE, AnswerSettings, Proof, WhenSettings, inner_proofs
from curriculum.lint_names import keys_of, lint_template, one_of, sample_values
from curriculum.parameters import SubstitutionError, substitute
from curriculum.problems import Problem
from curriculum.specs import LabSpec
from curriculum.statistics import Undecidable, samples_needed

ANSWER_NEEDS = {
    "command": ("pod", "argv", "matches"),
    "hop": ("source", "target", "port", "payload"),
    "silence": ("targets", "port", "payload"),
    "tls-ready": ("source", "address", "port", "tolerance"),
}


def lint_conditions(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, condition in enumerate(lab.conditions):
        for proof in condition.leaves:
            for rule in (_lint_places, _lint_asked_steps, _lint_settings_templates, _lint_cel, _lint_samples):
                yield from rule(lab, document, ("conditions", index, "settings"), proof.parsed)
        for step in _steps_timed(condition):
            yield from one_of(document, ("conditions", index, "settings"), step, keys_of(lab.steps), "step")


def _lint_places(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    pods = list(lab.all_pods)
    named = [(role, getattr(settings, role, "")) for role in ("source", "target", "pod")]
    named += [(role, name) for role in ("sources", "targets") for name in getattr(settings, role, ())]
    for role, name in named:
        if name and not name.startswith(NODE_PLACE):
            yield from one_of(document, (*keys, role), name, pods, "pod")


def _lint_asked_steps(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    if isinstance(settings, AnswerSettings):
        answers = keys_of(step for step in lab.steps if step.kind == StepKind.ANSWER)
        yield from one_of(document, (*keys, "step"), settings.step, answers, "answer step")
        for key in _missing_for_answer(settings):
            yield document.problem(keys, f"an answer that equals {settings.equals!r} needs {key!r}; add it")
        if settings.matches and _groups(settings.matches) != 1:
            yield document.problem((*keys, "matches"), "put the answer in one group, as in 'mtu (\\d+)'")


def _groups(pattern: str) -> int:
    """How many groups a regular expression has; -1 when it is none."""
    try:
        return re.compile(pattern).groups
    except re.error:
        return -1


def _missing_for_answer(settings: AnswerSettings) -> list[str]:
    return [key for key in ANSWER_NEEDS.get(settings.equals, ()) if not getattr(settings, key)]


def _lint_settings_templates(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    for field in dataclasses.fields(settings):
        value = getattr(settings, field.name)
        words = (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ()
        for word in words:
            yield from lint_template(lab, document, (*keys, field.name), word)


def _lint_cel(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    expression = getattr(settings, "expression", "")
    try:
        if expression:
            compile_expression(substitute(expression, sample_values(lab)))
    except SubstitutionError:
        return  # it is told already
    except CelError as error:
        yield document.problem((*keys, "expression"), f"this is no CEL expression: {error}")


def _lint_samples(lab: LabSpec, document: Document, keys: tuple, settings) -> Iterator[Problem]:
    try:
        needed = samples_needed(settings)
    except Undecidable as error:
        yield document.problem(keys, f"{error}; choose a wrong value that is farther away")
        return
    given = getattr(settings, "samples", getattr(settings, "keys", 0))
    if given < needed:
        told = f"{needed} samples tell right from wrong (1 % and 5 % errors); {given} are too few"
        yield document.problem(keys, told)


def _steps_timed(proof: Proof) -> Iterator[str]:
    """The steps that `during` and `after` look at, however deep."""
    settings = proof.parsed
    if isinstance(settings, WhenSettings):
        yield settings.step
    for inner in inner_proofs(settings):
        yield from _steps_timed(inner)
