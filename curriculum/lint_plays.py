"""Whether the solution and the mutants use steps, answers and conditions that the lab has."""

import re
from collections.abc import Iterator

from curriculum.cel import CelError, compile_expression
from curriculum.documents import Document
from curriculum.enums import LIVE_STEPS, StepKind
from curriculum.lint_names import keys_of, lint_template, one_of, sample_values
from curriculum.lint_predictions import lint_predicted
from curriculum.parameters import SubstitutionError, substitute
from curriculum.problems import Problem
from curriculum.specs import Act, LabSpec, Play

MUTANTS_WANTED = 3


def lint_plays(lab: LabSpec, documents: dict[str, Document]) -> list[Problem]:
    """Every act and promise of the solution and the mutants that the lab does not know."""
    plays = [*lab.right_plays, *lab.mutants]
    problems = [problem for play in plays for problem in _lint_play(lab, play, documents[play.name])]
    if lab.solution and len(lab.mutants) < MUTANTS_WANTED:
        mend = f"there are {len(lab.mutants)} mutants; write at least {MUTANTS_WANTED} in mutants/"
        problems.append(documents["solution"].problem((), mend))
    return problems


def _lint_play(lab: LabSpec, play: Play, document: Document) -> Iterator[Problem]:
    for index, act in enumerate(play.acts):
        if act.do != "check":
            yield from one_of(document, ("acts", index, "step"), act.step, keys_of(lab.steps), "step")
        for key in ("value", "until"):
            yield from lint_template(lab, document, ("acts", index, key), getattr(act, key))
        yield from _lint_reading(play, document, index, act)
        yield from _lint_working(lab, document, index, act)
        yield from _lint_edit(lab, play, document, index)
        if not act.until and _goes_on(lab, act):
            mend = "this act does not end by itself; say with 'until' what its output must show"
            yield document.problem(("acts", index), mend)
    yield from lint_predicted(lab, play, document)
    conditions = [condition.key for condition in lab.conditions]
    for key in play.fails:
        yield from one_of(document, ("fails", key), key, conditions, "condition")
    if play not in lab.right_plays and not play.fails:
        yield document.problem((), "'fails' is missing; name the conditions this mutant must fail")


def _lint_working(lab: LabSpec, document: Document, index: int, act: Act) -> Iterator[Problem]:
    """What a student works out must be an expression."""
    try:
        if act.works:
            compile_expression(substitute(act.works, sample_values(lab)))
    except (SubstitutionError, CelError) as error:
        yield document.problem(("acts", index, "works"), f"this is no CEL expression: {error}")


def _lint_reading(play: Play, document: Document, index: int, act: Act) -> Iterator[Problem]:
    """An answer that is read off an output needs an expression with a group, and a step run before."""
    if not act.reads and not act.of:
        return
    try:
        groups = re.compile(act.reads).groups
    except re.error as error:
        yield document.problem(("acts", index, "reads"), f"this is no regular expression: {error}")
        return
    if groups < 1:
        yield document.problem(("acts", index, "reads"), "put what is the answer in brackets")
    run = [each.step for each in play.acts[:index] if each.do == "run"]
    yield from one_of(document, ("acts", index, "of"), act.of, run, "step that was run before")


def _lint_edit(lab: LabSpec, play: Play, document: Document, index: int) -> Iterator[Problem]:
    act, keys = play.acts[index], ("acts", index)
    if act.do != "edit":
        if act.file:
            yield document.problem((*keys, "file"), "only the act 'edit' writes a file; remove it")
        return
    edits = [step.key for step in lab.steps if step.kind == StepKind.EDIT]
    yield from one_of(document, (*keys, "step"), act.step, edits, "edit step")
    yield from one_of(document, (*keys, "file"), act.file, play.texts, "file in solution/ or mutants/")
    yield from lint_template(lab, document, (*keys, "file"), play.texts.get(act.file, ""))


def _goes_on(lab: LabSpec, act: Act) -> bool:
    streams = [step.key for step in lab.steps if step.kind in LIVE_STEPS]
    return act.do == "type" or (act.do == "run" and act.step in streams)
