"""Whether a prediction can be answered, is answered before its run, and is answered right by the solution."""

from collections.abc import Iterator
from itertools import count

from curriculum.documents import Document
from curriculum.enums import RUN_STEPS, Asks, StepKind
from curriculum.parameters import SubstitutionError, card_of, draw_parameters, names_in, substitute
from curriculum.predictions import LARGEST_VALUE, SEPARATOR, Prediction, is_right, read_value
from curriculum.problems import Problem
from curriculum.specs import Act, LabSpec, Play, Step

FEWEST = {Asks.CHOICE: 2, Asks.ORDER: 3}
READS = {
    Asks.CHOICE: ("choices", "labels", "right"),
    Asks.NUMBER: ("right", "tolerance", "unit"),
    Asks.ORDER: ("choices", "labels"),
}
SAMPLE_SEED = 1
GOES = (*RUN_STEPS, StepKind.EDIT)


def lint_predictions(lab: LabSpec, document: Document) -> Iterator[Problem]:
    for index, step in enumerate(lab.steps):
        keys = ("steps", index)
        earlier = [other.key for other in lab.steps[:index] if other.kind == StepKind.PREDICT]
        if step.before is not None and step.before not in earlier:
            known = ", ".join(earlier) or "none"
            mend = f"there is no earlier prediction {step.before!r}; known are {known}"
            yield document.problem((*keys, "before"), mend)
        if step.kind == StepKind.PREDICT and step.prediction:
            yield from _lint_asked(step.prediction, document, (*keys, "prediction"))
            yield from _lint_right(lab, step.prediction, document, (*keys, "prediction", "right"))
            if not any(other.before == step.key and other.kind in GOES for other in lab.steps):
                yield document.problem(
                    keys, f"no command waits for it; write 'before: {step.key}' at its run"
                )


def _lint_asked(prediction: Prediction, document: Document, keys: tuple) -> Iterator[Problem]:
    asks, choices = prediction.asks, prediction.choices
    written = document.at(keys)
    for key in sorted(written.keys() - {"asks", *READS[asks]}):
        yield document.problem(
            (*keys, key), f"a prediction that asks {asks.value!r} has no {key!r}; remove it"
        )
    if len(choices) < FEWEST.get(asks, 0):
        yield document.problem(keys, f"give at least {FEWEST[asks]} choices for {asks.value!r}")
    if len(set(choices)) < len(choices):
        yield document.problem((*keys, "choices"), "a choice is here twice; give each its own name")
    for key in sorted(prediction.labels.keys() - set(choices)):
        yield document.problem((*keys, "labels", key), f"there is no choice {key!r}; remove the label")
    if asks == Asks.ORDER and any(SEPARATOR in choice for choice in choices):
        yield document.problem((*keys, "choices"), "a choice of an order holds no comma; give it a label")
    if len(prediction.answer) > LARGEST_VALUE:
        yield document.problem(keys, f"this is too long to be kept: {LARGEST_VALUE} letters at most")


def _lint_right(lab: LabSpec, prediction: Prediction, document: Document, keys: tuple) -> Iterator[Problem]:
    try:
        unknown = names_in(prediction.right) - _known_at_once(lab)
    except SubstitutionError as error:
        yield document.problem(keys, str(error))
        return
    if unknown:
        told = ", ".join(f"${{{name}}}" for name in sorted(unknown))
        yield document.problem(keys, f"{told} is no parameter; what the cluster decides cannot be right here")
    elif prediction.asks != Asks.ORDER and _filled(lab, prediction.right, prediction) is None:
        wanted = "a number" if prediction.asks == Asks.NUMBER else "one of the choices"
        yield document.problem(keys, f"{prediction.right!r} cannot be answered; write {wanted}")


def _known_at_once(lab: LabSpec) -> set[str]:
    """What is drawn; a value on a card only if it does not wait for the cluster."""
    waits = {
        name
        for card in lab.deck.values()
        for name, value in card.values.items()
        if names_in(value) - set(lab.parameters)
    }
    return {*lab.parameters, *lab.card_names} - waits


def lint_predicted(lab: LabSpec, play: Play, document: Document) -> Iterator[Problem]:
    """Every answer a play gives at a predict step must be one; the solution's must be right."""
    asked = {step.key: step for step in lab.steps if step.prediction}
    for index, act in enumerate(play.acts):
        keys = ("acts", index)
        if act.do == "answer" and act.step in asked:
            yield from _lint_said(lab, play, asked[act.step], act, document, keys)
        elif "confidence" in document.at(keys):
            mend = "only an answer at a predict step has a confidence; remove it"
            yield document.problem((*keys, "confidence"), mend)


def _lint_said(
    lab: LabSpec, play: Play, step: Step, act: Act, document: Document, keys: tuple
) -> Iterator[Problem]:
    prediction = step.prediction
    value, truth = (_filled(lab, each, prediction, play.deals) for each in (act.value, prediction.answer))
    if value is None:
        mend = f"{act.value!r} is no answer to {step.key}; answer what its prediction asks"
        yield document.problem((*keys, "value"), mend)
    elif play in lab.right_plays and truth is not None and not is_right(prediction, value, truth):
        mend = f"the solution predicts {value!r}, but right is {truth!r}; make them agree"
        yield document.problem((*keys, "value"), mend)


def _filled(lab: LabSpec, template: str, prediction: Prediction, card: str = "") -> str | None:
    """The value for some student, of a deck one who is dealt this card, or None when it is no answer."""
    seeds = (seed for seed in count(SAMPLE_SEED) if card not in lab.deck or card_of(lab, seed) == card)
    try:
        return read_value(prediction, substitute(template, draw_parameters(lab, next(seeds))))
    except SubstitutionError:
        return None
