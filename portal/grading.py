"""From proofs to points, by a class's rules: no page, no form, only the reckoning.

A student's best attempt counts, of equal ones that with the least help. Each proven condition brings its
share of the assignment's points, less what its lateness costs; then each hint that was opened takes its part
of the sum. What was proven after an instructor had typed in the terminal is told and takes nothing: what it
is worth the instructor decides, by changing the points.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

from curriculum.models import Attempt
from portal.lab_page import find_lab
from portal.models import Assignment, Classroom, Credit, GradingRules, Override, User

CENT = Decimal("0.01")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Work:
    """What counts of one attempt: when each condition was proven, of how many, hints opened, and how many
    were proven after an instructor had typed in the terminal."""

    proven: Mapping[str, datetime]
    total: int
    hints: int
    helped: int = 0


@dataclass(frozen=True)
class Grade:
    """`points` are what counts, `reckoned` what the rules make of the work; they differ by an `override`."""

    assignment: Assignment
    points: Decimal
    reckoned: Decimal
    work: Work | None
    days_late: int
    override: Override | None
    history: Sequence[Override]


def rules_of(classroom: Classroom) -> GradingRules:
    """The class's own, or those of a class that has set none, not saved."""
    return GradingRules.objects.filter(classroom=classroom).first() or GradingRules(classroom=classroom)


def points_for(work: Work, rules: GradingRules, assignment: Assignment) -> Decimal:
    """At least 0, at most the assignment's points, in hundredths."""
    is_whole = len(work.proven) >= work.total > 0
    if not work.proven or (rules.credit == Credit.WHOLE and not is_whole):
        return Decimal(0)
    share = Decimal(assignment.points) / work.total
    kept = sum((_kept(moment, rules, assignment) for moment in work.proven.values()), Decimal(0))
    after_hints = max(Decimal(0), 1 - Decimal(work.hints * rules.hint_cost) / 100)
    return (share * kept * after_hints).quantize(CENT, ROUND_HALF_UP)


def days_late(moment: datetime, due: datetime | None) -> int:
    """Days begun since it was due; 0 in time."""
    return 0 if due is None or moment <= due else math.ceil((moment - due) / DAY)


def _kept(moment: datetime, rules: GradingRules, assignment: Assignment) -> Decimal:
    """The part of a condition's points that its lateness leaves."""
    late = days_late(moment, assignment.due_at)
    if not late:
        return Decimal(1)
    return max(Decimal(rules.late_floor), Decimal(100) - late * rules.late_cost, Decimal(0)) / 100


def grades_of(
    classroom: Classroom, students: Sequence[User], assigned: Sequence[Assignment]
) -> dict[int, list[Grade]]:
    """By student, a grade per assignment in their order; the number of queries does not grow with them."""
    rules = rules_of(classroom)
    works = _works(students, {each.lab for each in assigned})
    history = _history(assigned)
    return {
        student.pk: [
            _grade(each, rules, works.get((student.pk, each.lab), ()), history.get((each.pk, student.pk), ()))
            for each in assigned
        ]
        for student in students
    }


def _grade(
    assignment: Assignment, rules: GradingRules, works: Iterable[Work], history: Sequence[Override]
) -> Grade:
    scored = [(points_for(work, rules, assignment), len(work.proven), -work.helped, work) for work in works]
    reckoned, *_rest, best = max(scored, key=lambda each: each[:3], default=(Decimal(0), 0, 0, None))
    override = history[-1] if history and history[-1].points is not None else None
    last = max(best.proven.values(), default=None) if best else None
    return Grade(
        assignment=assignment,
        points=override.points if override else reckoned,
        reckoned=reckoned,
        work=best,
        days_late=days_late(last, assignment.due_at) if last else 0,
        override=override,
        history=history,
    )


def _works(students: Sequence[User], labs: set[str]) -> dict[tuple[int, str], list[Work]]:
    """Of labs the course has dropped nothing is known any more, and nothing counts."""
    attempts = Attempt.objects.filter(student__in=students, lab__slug__in=labs)
    found = defaultdict(list)
    for attempt in attempts.select_related("lab").prefetch_related("passes", "hints"):
        lab = find_lab(attempt.lab.slug)
        if lab is None:
            continue
        # What the attempt's cluster lacked the means for is nobody's loss.
        keys = {condition.key for condition in lab.conditions} - attempt.skipped.keys()
        passes = [each for each in attempt.passes.all() if each.condition in keys]
        proven = {each.condition: each.passed_at for each in passes}
        helped = sum(each.is_helped for each in passes)
        found[attempt.student_id, lab.slug].append(Work(proven, len(keys), len(attempt.hints.all()), helped))
    return found


def _history(assigned: Sequence[Assignment]) -> dict[tuple[int, int], list[Override]]:
    rows = Override.objects.filter(assignment__in=assigned).select_related("made_by")
    found = defaultdict(list)
    for each in rows:
        found[each.assignment_id, each.student_id].append(each)
    return found
