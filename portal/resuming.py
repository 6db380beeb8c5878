"""Where a student goes on: the open step of the newest attempt, or the next lab that is not proven."""

from collections.abc import Container, Mapping
from dataclasses import dataclass

from curriculum import queries as work_queries
from curriculum.course import get_course
from curriculum.enums import StepKind
from curriculum.models import Attempt
from curriculum.specs import LabSpec, Step
from k8s_tasks import queries

# Nothing is kept of these, so that nobody can say whether they are done.
_NOT_KEPT = (StepKind.READ, StepKind.TERMINAL)


@dataclass(frozen=True)
class Place:
    """A lab, and its first step that is not done; without a step, the lab is begun or verified there."""

    lab: LabSpec
    step: Step | None = None
    is_begun: bool = False


def next_place(user, progress: Mapping[str, dict]) -> Place | None:
    """None for a visitor, and for who has proven everything. At most three queries."""
    if not user.is_authenticated:
        return None
    attempt = Attempt.objects.filter(student=user, lab__is_active=True).select_related("lab").first()
    lab = _lab_of(attempt)
    if lab and not attempt.passed_at:
        done = queries.steps_run(attempt) | work_queries.answers(attempt).keys()
        return Place(lab, open_step(lab, done), is_begun=True)
    following = next((each for each in _labs_after(lab) if not progress[each.slug]["is_passed"]), None)
    return Place(following) if following else None


def open_step(lab: LabSpec, done: Container[str]) -> Step | None:
    """The first step after the last one that is done: who left one out on purpose is not sent back."""
    steps = [step for step in lab.steps if step.kind not in _NOT_KEPT]
    last = max((at for at, step in enumerate(steps) if step.key in done), default=-1)
    return steps[last + 1] if last + 1 < len(steps) else None


def lab_after(lab: LabSpec) -> LabSpec | None:
    """None after the last one, and after a lab the course has dropped."""
    labs = get_course().labs
    places = {each.slug: place for place, each in enumerate(labs)}
    at = places.get(lab.slug, len(labs)) + 1
    return labs[at] if at < len(labs) else None


def _lab_of(attempt: Attempt | None) -> LabSpec | None:
    """None too for a lab the course has dropped."""
    known = {lab.slug: lab for lab in get_course().labs}
    return known.get(attempt.lab.slug) if attempt else None


def _labs_after(lab: LabSpec | None) -> list[LabSpec]:
    """The course's labs in order, those after this one first."""
    labs = list(get_course().labs)
    at = labs.index(lab) + 1 if lab else 0
    return labs[at:] + labs[:at]
