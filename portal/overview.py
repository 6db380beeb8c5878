"""A class at a glance: student by lab, why work stands still, and how many it is the same for."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Max

from curriculum.course import get_course
from curriculum.enums import Verdict
from curriculum.models import Attempt
from curriculum.specs import LabSpec
from k8s_tasks.models import ConditionResult
from portal.class_work import active_at, activity, newest_results
from portal.language import spoken
from portal.models import Classroom, User

# Symbol beside colour and words: none of them alone has to be seen.
SYMBOLS = {"none": "–", "working": "…", "stuck": "✗", "undecided": "?", "proven": "✓"}


@dataclass(frozen=True)
class Cell:
    """One student's standing at one lab; `reason` is that of the newest failing condition."""

    student: int
    lab: LabSpec
    state: str
    proven: int = 0
    total: int = 0
    attempts: int = 0
    since: str = ""
    active_at: datetime | None = None
    reason: str = ""
    attempt: Attempt | None = None

    @property
    def key(self) -> str:
        return f"cell-{self.student}-{self.lab.slug}"

    @property
    def symbol(self) -> str:
        return SYMBOLS[self.state]


@dataclass(frozen=True)
class Stuck:
    """Students whose newest check of one condition failed in one way."""

    lab: LabSpec
    condition: str
    title: str
    code: str
    reason: str
    students: Sequence[User]

    @property
    def key(self) -> str:
        return f"{self.lab.slug}:{self.condition}:{self.code}"


def students_of(classroom: Classroom) -> list[User]:
    return list(classroom.students.order_by("first_name", "last_name", "username"))


def labs_of(classroom: Classroom) -> list[LabSpec]:
    """The assigned ones, or the whole course where nothing is assigned."""
    assigned = set(classroom.assignments.values_list("lab", flat=True))
    return [lab for lab in get_course().labs if lab.slug in assigned or not assigned]


def cells_of(
    students: Collection[User], labs: Sequence[LabSpec], only: Collection[str] | None = None
) -> dict[int, list[Cell]]:
    """By student, a cell per lab (`only` some of them). The number of queries is the same for any class."""
    wanted = [lab for lab in labs if only is None or lab.slug in only]
    newest, counts = newest_attempts(students, {lab.slug for lab in wanted})
    results = _failing(newest.values())
    return {
        student.pk: [
            cell_of(student.pk, lab, newest.get((student.pk, lab.slug)), counts, results) for lab in wanted
        ]
        for student in students
    }


def newest_attempts(
    students: Collection[User], labs: Collection[str]
) -> tuple[dict[tuple[int, str], Attempt], Counter]:
    """By student and lab: the newest attempt, and how many there are."""
    attempts = Attempt.objects.filter(student__in=students, lab__slug__in=labs).order_by("started_at")
    acts = {"last_run": Max("sessions__runs__created_at"), "last_answer": Max("answers__created_at")}
    found, counts = {}, Counter()
    for attempt in attempts.annotate(**acts).select_related("lab").prefetch_related("passes"):
        key = attempt.student_id, attempt.lab.slug
        found[key] = attempt
        counts[key] += 1
    return found, counts


def _failing(attempts: Iterable[Attempt]) -> dict[object, list[ConditionResult]]:
    """By attempt, the newest results that did not pass, newest first."""
    found = defaultdict(list)
    for result in newest_results(attempts).values():
        if result.verdict != Verdict.PASS:
            found[result.attempt_id].append(result)
    for results in found.values():
        results.sort(key=lambda each: each.pk, reverse=True)
    return found


def cell_of(student: int, lab: LabSpec, attempt: Attempt | None, counts: Counter, results: dict) -> Cell:
    if attempt is None:
        return Cell(student, lab, "none")
    keys = {condition.key for condition in lab.conditions}
    proven = {each.condition for each in attempt.passes.all()} & keys
    left = [each for each in results.get(attempt.pk, ()) if each.condition in keys - proven]
    moment = active_at(attempt)
    return Cell(
        student=student,
        lab=lab,
        state=_state(proven, keys, left),
        proven=len(proven),
        total=len(keys),
        attempts=counts[student, lab.slug],
        since=activity(moment)["since"],
        active_at=moment,
        reason=spoken(left[0].reason) if left else "",
        attempt=attempt,
    )


def _state(proven: set, keys: set, left: list[ConditionResult]) -> str:
    """`stuck` is a check that failed; one that could not decide is not the student's doing."""
    if proven == keys:
        return "proven"
    if any(each.verdict == Verdict.FAIL for each in left):
        return "stuck"
    return "undecided" if left else "working"


def stuck_of(classroom: Classroom) -> list[Stuck]:
    """The ways in which students' newest checks fail, those of the most students first."""
    students = {each.pk: each for each in students_of(classroom)}
    labs = {lab.slug: lab for lab in labs_of(classroom)}
    newest, _counts = newest_attempts(students.values(), labs)
    open_attempts = {each.pk: each for each in newest.values() if each.passed_at is None}
    groups = defaultdict(list)
    for result in newest_results(open_attempts.values()).values():
        attempt = open_attempts[result.attempt_id]
        proven = {each.condition for each in attempt.passes.all()}
        if result.verdict == Verdict.FAIL and result.condition not in proven:
            groups[attempt.lab.slug, result.condition, result.code].append((result, attempt.student_id))
    found = [
        _stuck(labs[slug], key, code, members, students) for (slug, key, code), members in groups.items()
    ]
    return sorted(
        filter(None, found), key=lambda each: (-len(each.students), each.lab.number, each.condition)
    )


def _stuck(lab: LabSpec, condition: str, code: str, members: list, students: dict) -> Stuck | None:
    """The newest reason speaks for all: they differ in addresses and numbers only."""
    if condition not in {each.key for each in lab.conditions}:
        return None
    newest = max((result for result, _student in members), key=lambda each: each.pk)
    who = sorted(
        (students[pk] for _result, pk in members), key=lambda each: each.get_full_name() or each.username
    )
    return Stuck(lab, condition, str(lab.condition(condition).title), code, spoken(newest.reason), who)
