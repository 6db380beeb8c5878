"""A student's own standing: the map of the course, the time at work, and what is strong by topic.

Topics are the chapters of Tanenbaum's book that a lab or a quiz stands on, for a layer is met in many
labs. What stands on several counts for each of them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from django.db.models import Min
from django.utils.translation import gettext_lazy as _

from curriculum.course import get_course
from curriculum.models import Answer, Attempt, HintOpening, QuizAnswer
from curriculum.specs import Chapter, LabSpec
from curriculum.statistics import wilson
from curriculum.text import Text
from k8s_tasks import queries
from k8s_tasks.models import Run
from portal.calibration import FEW, first_predictions
from portal.models import User

TOPICS = {
    1: _("Layers and reference models"),
    2: _("The physical layer"),
    3: _("The data link layer"),
    4: _("Medium access"),
    5: _("The network layer"),
    6: _("The transport layer"),
    7: _("The application layer"),
    8: _("Network security"),
}
PAUSE = timedelta(minutes=10)  # a longer one between two acts is no time at work
_CHAPTER = re.compile(r"chapters? (\d)", re.IGNORECASE)


@dataclass(frozen=True)
class Tile:
    """A lab on the map. `why_not` says why it can only be watched here, where that is so."""

    lab: LabSpec
    state: str  # passed, begun, recorded, open
    proven: int
    total: int
    minutes: int
    why_not: str = ""


@dataclass
class Strength:
    """What was right in one topic; `tried` counts only what has come out."""

    topic: int
    name: str
    right: Counter = field(default_factory=Counter)
    tried: Counter = field(default_factory=Counter)

    def count(self, kind: str, *, right: int, tried: int) -> None:
        self.right[kind] += right
        self.tried[kind] += tried

    @property
    def cells(self) -> list[tuple[int, int]]:
        """(right, tried) of conditions, predictions and quiz questions."""
        return [(self.right[kind], self.tried[kind]) for kind in ("conditions", "predictions", "questions")]

    @property
    def said(self) -> int:
        """How often the student committed to something that was then right or wrong."""
        return self.tried["predictions"] + self.tried["questions"]

    @property
    def is_few(self) -> bool:
        return self.said < FEW

    @property
    def share(self) -> int:
        return round(100 * (self.right["predictions"] + self.right["questions"]) / self.said)

    @property
    def between(self) -> tuple[int, int]:
        """In percent: where the true share lies, 19 times out of 20."""
        low, high = wilson(self.right["predictions"] + self.right["questions"], self.said)
        return round(100 * low), round(100 * high)


def topics_of(book: Text) -> list[int]:
    """The chapters of the book that a sentence names, as the course writes them in English."""
    return sorted({int(number) for number in _CHAPTER.findall(book["en"])} & TOPICS.keys())


def course_map(progress: Mapping[str, dict], minutes: Mapping[str, int], begun: set[str]) -> list[dict]:
    """[{"chapter", "tiles", "passed"}] in the order of the course."""
    whys: dict[tuple, str] = {}
    told = []
    for chapter in get_course().chapters:
        tiles = [_tile(lab, progress[lab.slug], minutes, begun, whys) for lab in chapter.labs]
        told.append({"chapter": chapter, "tiles": tiles, "passed": sum(t.state == "passed" for t in tiles)})
    return told


def _tile(lab: LabSpec, done: Mapping, minutes: Mapping[str, int], begun: set[str], whys: dict) -> Tile:
    if done["is_passed"]:
        state, why_not = "passed", ""
    elif lab.slug in begun:
        state, why_not = "begun", ""
    else:
        needs = (lab.scope, lab.requires)  # labs of the same needs are asked for once
        if needs not in whys:
            whys[needs] = queries.why_no_cluster_fits(lab) or ""
        why_not = whys[needs]
        state = "recorded" if why_not and lab.recording else "open"
    return Tile(lab, state, done["passed"], done["total"], minutes.get(lab.slug, 0), why_not)


def minutes_at_work(student: User) -> dict[str, int]:
    """By lab, from one act to the next: a pause of more than PAUSE is none. Four queries."""
    acts: dict[str, list[datetime]] = defaultdict(list)
    for slug, *moments in _acts_of(student):
        acts[slug].extend(filter(None, moments))
    return {slug: round(_worked(sorted(moments)).total_seconds() / 60) for slug, moments in acts.items()}


def _acts_of(student: User) -> Iterable[tuple]:
    mine, lab = {"attempt__student": student}, "attempt__lab__slug"
    yield from Attempt.objects.filter(student=student).values_list("lab__slug", "started_at").order_by()
    runs = Run.objects.filter(session__attempt__student=student, requested_by=student)
    yield from runs.values_list(f"session__{lab}", "created_at", "ended_at").order_by()
    yield from Answer.objects.filter(**mine).values_list(lab, "created_at").order_by()
    yield from HintOpening.objects.filter(**mine).values_list(lab, "opened_at").order_by()


def _worked(moments: list[datetime]) -> timedelta:
    gaps = (after - before for before, after in pairwise(moments))
    return sum((gap for gap in gaps if gap <= PAUSE), timedelta())


def strengths(student: User, progress: Mapping[str, dict], work: list[dict]) -> list[Strength]:
    """By topic that the student has met. `work` is that of `class_work.student_work`."""
    found: dict[int, Strength] = {}

    def count(book: Text, kind: str, *, right: int, tried: int = 1) -> None:
        for topic in topics_of(book):
            place = found.setdefault(topic, Strength(topic, str(TOPICS[topic])))
            place.count(kind, right=right, tried=tried)

    labs = {lab.slug: lab for lab in get_course().labs}
    for slug in {each["attempt"].lab.slug for each in work} & labs.keys():
        done = progress[slug]
        count(labs[slug].tanenbaum, "conditions", right=done["passed"], tried=done["total"])
    for attempt, made, is_over in first_predictions(work):
        if is_over and attempt.lab.slug in labs:
            count(labs[attempt.lab.slug].tanenbaum, "predictions", right=bool(made.is_right))
    chapters = {chapter.slug: chapter for chapter in get_course().chapters}
    for chapter, is_right in _first_quiz_answers(student):
        if chapter in chapters:
            count(chapters[chapter].tanenbaum, "questions", right=is_right)
    return [found[topic] for topic in sorted(found)]


def _first_quiz_answers(student: User) -> list[tuple[str, bool]]:
    """(chapter, right) of the first answer to each question: later ones know what was right."""
    answers = QuizAnswer.objects.filter(attempt__student=student)
    first = answers.order_by().values("attempt__chapter", "question").annotate(first=Min("pk"))
    kept = answers.filter(pk__in=first.values("first"))
    return list(kept.values_list("attempt__chapter", "is_right"))


def is_whole(chapter: Chapter, progress: Mapping[str, dict]) -> bool:
    """Whether every lab of the chapter is passed; one without labs is not."""
    return bool(chapter.labs) and all(progress[lab.slug]["is_passed"] for lab in chapter.labs)


def is_own(chapter: Chapter, progress: Mapping[str, dict]) -> bool:
    """Whether the student has passed every lab in an attempt in which nobody else typed."""
    return bool(chapter.labs) and all(progress[lab.slug]["is_own"] for lab in chapter.labs)
