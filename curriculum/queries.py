"""Questions about a student's work."""

from collections import defaultdict
from collections.abc import Mapping

from curriculum.course import get_course
from curriculum.models import Answer, Attempt, Draft
from curriculum.specs import LabSpec


def progress(student) -> dict[str, dict]:
    """For every lab of the course, by slug: conditions `passed` of `total` in the student's best
    attempt, whether the lab `is_passed`, and whether it `is_own`: passed in an attempt in which nobody else
    typed. One query, however many attempts."""
    rows = Attempt.objects.filter(student=student).values_list(
        "lab__slug", "id", "passed_at", "passes__condition", "passes__is_helped"
    )
    proven: dict[str, dict] = defaultdict(lambda: defaultdict(set))
    passed: dict[str, set] = defaultdict(set)
    helped = set()
    for slug, attempt, passed_at, condition, is_helped in rows.order_by():
        proven[slug][attempt].add(condition)
        if passed_at:
            passed[slug].add(attempt)
        if is_helped:
            helped.add(attempt)
    return {
        lab.slug: {
            **_proven_of(lab, proven[lab.slug]),
            "is_passed": bool(passed[lab.slug]),
            "is_own": bool(passed[lab.slug] - helped),
        }
        for lab in get_course().labs
    }


def answers(attempt: Attempt) -> dict[str, str]:
    """The newest value of each answered step."""
    return dict(attempt.answers.order_by("created_at", "id").values_list("step", "value"))


def predictions(attempt: Attempt) -> dict[str, Answer]:
    """What was predicted, by step."""
    return {each.step: each for each in attempt.answers.filter(confidence__isnull=False)}


def drafts(attempt: Attempt) -> dict[str, Draft]:
    """What is written at the edit steps, by step."""
    return {draft.step: draft for draft in attempt.drafts.all()}


def hints_opened(attempt: Attempt) -> dict[str, list[int]]:
    """The numbers of the hints opened at each step, in the order in which they were."""
    opened: dict[str, list[int]] = {}
    for step, number in attempt.hints.order_by("opened_at", "id").values_list("step", "number"):
        opened.setdefault(step, []).append(number)
    return opened


def _proven_of(lab: LabSpec, proven: Mapping[object, set]) -> dict:
    keys = {condition.key for condition in lab.conditions}
    best = max((len(conditions & keys) for conditions in proven.values()), default=0)
    return {"passed": best, "total": len(keys)}
