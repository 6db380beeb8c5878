"""What a class predicted at one lab: for each prediction a histogram, so that wrong models are seen.

Each student counts once, with the first prediction: later ones know what came.
"""

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import gettext as _

from curriculum.enums import Asks, Confidence, StepKind
from curriculum.models import Answer
from curriculum.predictions import spell_choice
from curriculum.specs import LabSpec, Step
from portal.models import Classroom
from portal.predicting import lines_of

BINS = 12  # values that stand for themselves; more are put together
ORDERS = 8  # the most frequent ones that are shown
WIDTH = 240  # of the longest bar


@dataclass(frozen=True)
class Said:
    """One student's prediction."""

    value: str
    confidence: int
    is_right: bool


def histograms(classroom: Classroom, lab: LabSpec) -> list[dict]:
    """{"step", "total", "right", "bars": [{"words", "count", "sure", "is_right", "width"}]} for each
    prediction of the lab, in one query."""
    said = first_said(classroom, lab)
    steps = [step for step in lab.steps if step.kind == StepKind.PREDICT]
    return [histogram(step, said.get(step.key, [])) for step in steps]


def first_said(classroom: Classroom, lab: LabSpec) -> dict[str, list[Said]]:
    """By step, one of each student."""
    made = Answer.objects.filter(
        attempt__student__in=classroom.students.all(), attempt__lab__slug=lab.slug, confidence__isnull=False
    )
    found: dict[str, dict[int, Said]] = {}
    for student, step, *facts in made.order_by("created_at", "id").values_list(
        "attempt__student_id", "step", "value", "confidence", "is_right"
    ):
        found.setdefault(step, {}).setdefault(student, Said(*facts))
    return {step: list(each.values()) for step, each in found.items()}


def histogram(step: Step, said: list[Said]) -> dict:
    bars = _BARS[step.prediction.asks](step, said)
    longest = max((bar["count"] for bar in bars), default=0)
    return {
        "step": step,
        "total": len(said),
        "right": sum(each.is_right for each in said),
        "bars": [{**bar, "width": WIDTH * bar["count"] // longest if longest else 0} for bar in bars],
    }


def _bars_of_choices(step: Step, said: list[Said]) -> list[dict]:
    """One for every choice that is offered, chosen or not."""
    prediction = step.prediction
    return [
        _bar(
            [each for each in said if each.value == choice],
            words=[spell_choice(prediction, choice)],
            is_right=choice == prediction.right,
        )
        for choice in prediction.choices
    ]


def _bars_of_orders(step: Step, said: list[Said]) -> list[dict]:
    """The most frequent orders, and the others together."""
    shown = [value for value, _count in Counter(each.value for each in said).most_common(ORDERS)]
    bars = [
        _bar([each for each in said if each.value == value], words=lines_of(step.prediction, value))
        for value in shown
    ]
    others = [each for each in said if each.value not in shown]
    return [*bars, *([_bar(others, words=[_("other orders")])] if others else [])]


def _bars_of_numbers(step: Step, said: list[Said]) -> list[dict]:
    """One for each value, or for equal stretches of them where there are many."""
    values = sorted({Decimal(each.value) for each in said})
    if len(values) <= BINS:
        return [
            _bar(
                [each for each in said if Decimal(each.value) == value],
                words=lines_of(step.prediction, f"{value:f}"),
            )
            for value in values
        ]
    low, width = float(values[0]), float(values[-1] - values[0]) / BINS
    stretches: dict[int, list[Said]] = {number: [] for number in range(BINS)}
    for each in said:
        stretches[min(BINS - 1, int((float(each.value) - low) / width))].append(each)
    return [
        _bar(ours, words=[f"{low + width * number:.4g} – {low + width * (number + 1):.4g}"])
        for number, ours in stretches.items()
    ]


def _bar(said: list[Said], *, words: list[str], is_right: bool = False) -> dict:
    return {
        "words": words,
        "count": len(said),
        "sure": sum(each.confidence == Confidence.SURE for each in said),
        "is_right": is_right or any(each.is_right for each in said),
    }


_BARS = {Asks.CHOICE: _bars_of_choices, Asks.NUMBER: _bars_of_numbers, Asks.ORDER: _bars_of_orders}
