"""What a teacher reads: a class's results at one lab, and everything one student did.

The number of queries does not grow with the class or with the work.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone
from django.utils.timesince import timesince

from curriculum.models import Attempt
from curriculum.specs import LabSpec
from k8s_tasks.models import ConditionResult, Run
from portal.calibration import predictions_told
from portal.lab_page import find_lab
from portal.language import spoken
from portal.models import Classroom, HelpRequest, User

JUST_NOW = timedelta(minutes=1)


def grid_rows(classroom: Classroom, lab: LabSpec) -> list[dict]:
    """A row per student, a cell per condition: proven or not, and what the newest check said.

    A student who began again is shown with the newest attempt.
    """
    students = list(classroom.students.order_by("first_name", "last_name", "username"))
    attempts = newest_attempts(students, lab)
    results = newest_results(attempts.values())
    return [grid_row(student, attempts.get(student.pk), lab, results) for student in students]


def grid_row(student: User, attempt: Attempt | None, lab: LabSpec, results: dict) -> dict:
    cells = condition_cells(lab, attempt, results)
    return {
        "student": student,
        "attempt": attempt,
        "cells": cells,
        "proven": sum(bool(cell["passed"]) for cell in cells),
        **activity(active_at(attempt) if attempt else None),
    }


def newest_attempts(students: list[User], lab: LabSpec) -> dict[int, Attempt]:
    attempts = Attempt.objects.filter(student__in=students, lab__slug=lab.slug).order_by("started_at")
    acts = {"last_run": Max("sessions__runs__created_at"), "last_answer": Max("answers__created_at")}
    return {attempt.student_id: attempt for attempt in attempts.annotate(**acts).prefetch_related("passes")}


def active_at(attempt: Attempt) -> datetime:
    """When the student last did something: ran, verified, answered or began."""
    return max(filter(None, (attempt.started_at, attempt.last_run, attempt.last_answer)))


def fingerprint(rows: list[dict]) -> str:
    """Another one as soon as the grid reads differently; the minutes since the last act count too."""
    told = [
        (row["student"].pk, str(row["student"]), row["attempt"] and row["since"], cells_told(row["cells"]))
        for row in rows
    ]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def activity(moment: datetime | None) -> dict:
    """`since` is a stretch of time in words, and empty within the last minute."""
    is_now = moment is None or timezone.now() - moment < JUST_NOW
    return {"active_at": moment, "since": "" if is_now else timesince(moment)}


def cells_told(cells: list[dict]) -> list[tuple]:
    return [(bool(cell["passed"]), cell["run_id"], cell["last_reason"]) for cell in cells]


def newest_results(attempts: Iterable[Attempt]) -> dict[tuple, ConditionResult]:
    """By attempt and condition."""
    newest = (
        ConditionResult.objects.filter(attempt__in=list(attempts))
        .order_by()
        .values("attempt", "condition")
        .annotate(newest=Max("pk"))
        .values("newest")
    )
    results = ConditionResult.objects.filter(pk__in=newest)
    return {(result.attempt_id, result.condition): result for result in results}


def condition_cells(lab: LabSpec, attempt: Attempt | None, results: dict) -> list[dict]:
    if attempt is None:
        return [condition_cell(condition, None, None, None) for condition in lab.conditions]
    passed = {each.condition: each for each in attempt.passes.all()}
    return [
        condition_cell(
            condition,
            passed.get(condition.key),
            results.get((attempt.pk, condition.key)),
            attempt.skipped.get(condition.key),
        )
        for condition in lab.conditions
    ]


def condition_cell(condition, passed, result: ConditionResult | None, skipped: dict | None) -> dict:
    """Once proven, always proven: a later failure is not held against it, so its reason is not shown."""
    return {
        "condition": condition,
        "passed": passed,
        "result": result,
        "skipped": skipped if not passed else None,
        "last_reason": spoken(result.reason) if result and not passed else "",
        "run_id": result.run_id if result else None,
    }


def student_work(student: User) -> list[dict]:
    """Every attempt, newest first, with its conditions, its raised hands and its runs."""
    attempts = list(
        Attempt.objects.filter(student=student)
        .select_related("lab")
        .prefetch_related("passes", "hints", "answers")
    )
    results = newest_results(attempts)
    runs, hands = runs_by_attempt(attempts), hands_by_attempt(attempts)
    return [
        attempt_work(attempt, results, runs.get(attempt.pk, [])) | {"hands": hands.get(attempt.pk, [])}
        for attempt in attempts
    ]


def attempt_work(attempt: Attempt, results: dict, runs: list[Run]) -> dict:
    """No conditions where the course has dropped the lab: nobody knows them any more."""
    lab = find_lab(attempt.lab.slug)
    cells = condition_cells(lab, attempt, results) if lab else []
    return {
        "attempt": attempt,
        "lab": lab,
        "conditions": cells,
        "runs": runs,
        "hints": hints_told(lab, attempt) if lab else [],
        "predictions": predictions_told(lab, attempt, runs) if lab else [],
    }


def hints_told(lab: LabSpec, attempt: Attempt) -> list[dict]:
    """The steps at which hints were opened: {"title", "opened", "total"}."""
    opened = Counter(hint.step for hint in attempt.hints.all())
    return [
        {"title": step.title, "opened": opened[step.key], "total": len(step.hints)}
        for step in lab.steps
        if step.key in opened
    ]


def runs_by_attempt(attempts: list[Attempt]) -> dict:
    runs: dict = {}
    done = Run.objects.filter(session__attempt__in=attempts).select_related("session")
    for run in done.prefetch_related("typings__person"):
        runs.setdefault(run.session.attempt_id, []).append(run)
    return runs


def hands_by_attempt(attempts: list[Attempt]) -> dict:
    hands: dict = {}
    raised = HelpRequest.objects.filter(session__attempt__in=attempts).select_related("session")
    for hand in raised.prefetch_related("log__person"):
        hands.setdefault(hand.session.attempt_id, []).append(hand)
    return hands
