"""What the pages show of predictions: the form, and what was right once the run has ended."""

from collections.abc import Mapping

from curriculum import queries as work_queries
from curriculum.enums import Asks, Confidence, StepKind
from curriculum.models import Answer, Attempt
from curriculum.predictions import Prediction, shuffle_choices, spell_choice, spell_value, split_order
from curriculum.specs import LabSpec, Step
from k8s_tasks import queries


def predictions_context(sitting, typed: Mapping[str, str]) -> dict[str, dict]:
    """For each predict step what its form holds, or what was committed and, after the run, what was right."""
    steps = [step for step in sitting.lab.steps if step.kind == StepKind.PREDICT]
    if not steps:
        return {}
    attempt = sitting.attempt
    made = work_queries.predictions(attempt) if attempt else {}
    run = queries.steps_run(attempt) if made else set()
    return {
        step.key: {
            "options": options_of(step, attempt, typed.get(step.key)),
            "confidences": Confidence.choices,
            **told(step.prediction, made.get(step.key), is_over=bool(runs_of(sitting.lab, step.key) & run)),
        }
        for step in steps
    }


def runs_of(lab: LabSpec, prediction: str) -> set[str]:
    """The steps that wait for a prediction: it is over when one of them has run."""
    return {step.key for step in lab.steps if step.before == prediction}


def told(prediction: Prediction | None, made: Answer | None, *, is_over: bool) -> dict:
    """The words of a prediction, and of the truth only when its run is over."""
    if made is None:
        return {"made": None}
    return {
        "made": made,
        "said": lines_of(prediction, made.value),
        "truth": lines_of(prediction, made.truth) if is_over else [],
        "is_over": is_over,
    }


def lines_of(prediction: Prediction | None, value: str) -> list[str]:
    """One line, or for an order one for each place."""
    if prediction and prediction.asks == Asks.ORDER:
        return [spell_choice(prediction, item) for item in split_order(value)]
    return [spell_value(prediction, value)]


def options_of(step: Step, attempt: Attempt | None, typed: str | None) -> list[tuple[str, str]]:
    """(key, words) of each choice; those of an order as the student has put them."""
    choices = list(step.prediction.choices)
    if step.prediction.asks == Asks.ORDER:
        items = split_order(typed or "")
        seed = f"{attempt.seed}:{step.key}" if attempt else step.key
        choices = (
            items if sorted(items) == sorted(choices) else shuffle_choices(step.prediction.choices, seed)
        )
    return [(choice, spell_choice(step.prediction, choice)) for choice in choices]
