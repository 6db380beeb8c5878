"""How often a student was right at each confidence, out of the predictions whose runs are over.

Only the first prediction of each step counts: in a later attempt the student has seen what came.
"""

from collections.abc import Iterable, Iterator

from curriculum.enums import Confidence, StepKind
from curriculum.models import Answer, Attempt
from curriculum.predictions import brier_score
from curriculum.specs import LabSpec
from k8s_tasks.models import Run
from k8s_tasks.queries import came_to_an_end
from portal.predicting import runs_of, told

FEW = 10  # predictions, below which shares say little
WIDTH = 160  # of a bar that stands for 100 %


def predictions_told(lab: LabSpec, attempt: Attempt, runs: Iterable[Run]) -> list[dict]:
    """The predictions in the order of the steps, each beside what was right once its run is over."""
    made = {answer.step: answer for answer in attempt.answers.all() if answer.confidence}
    run = {each.step for each in runs if came_to_an_end(each)}
    return [
        {
            "step": step,
            **told(step.prediction, made[step.key], is_over=bool(runs_of(lab, step.key) & run)),
        }
        for step in lab.steps
        if step.kind == StepKind.PREDICT and step.key in made
    ]


def calibration(work: list[dict]) -> dict | None:
    """{"rows": [{"label", "percent", "total", "right", "share", ...}], "total", "brier", "is_few"} of a
    student's work, newest attempt first; None while nothing has come out."""
    counted = [made for _attempt, made, is_over in first_predictions(work) if is_over]
    if not counted:
        return None
    said = [{"confidence": made.confidence, "is_right": made.is_right} for made in counted]
    return {
        "rows": [_row(level, counted) for level in Confidence],
        "total": len(counted),
        "brier": brier_score(said),
        "is_few": len(counted) < FEW,
    }


def first_predictions(work: list[dict]) -> Iterator[tuple[Attempt, Answer, bool]]:
    """Each step's first one with its attempt, and whether its run is over."""
    seen = set()
    for attempt in reversed(work):
        for each in attempt["predictions"]:
            place = (attempt["attempt"].lab_id, each["made"].step)
            if place not in seen:
                seen.add(place)
                yield attempt["attempt"], each["made"], each["is_over"]


def _row(level: Confidence, counted: list[Answer]) -> dict:
    ours = [made for made in counted if made.confidence == level]
    right = sum(bool(made.is_right) for made in ours)
    share = round(100 * right / len(ours)) if ours else None
    return {
        "label": level.label,
        "percent": level.value,
        "total": len(ours),
        "right": right,
        "share": share,
        # As whole numbers, which SVG reads in every language.
        "bar": WIDTH * (share or 0) // 100,
        "mark": WIDTH * level.value // 100,
    }
