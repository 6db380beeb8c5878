"""What a student says before a run, how sure they are, and whether it was right.

A value is kept as one line of text: a choice's key, a number with a point, or the keys of an order
joined by commas.
"""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from curriculum.enums import Asks
from curriculum.schema import told
from curriculum.text import Text

SEPARATOR = ","
LARGEST_VALUE = 200  # letters that are kept
_NUMBER = re.compile(r"[+-]?\d{1,12}(?:[.,]\d{1,6})?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What a `predict` step asks, and what counts as right."""

    asks: Asks = told("a choice, a number, or an order to put the choices in", default=Asks.CHOICE)
    choices: tuple[str, ...] = told(
        "what is chosen from; for `order`, what is put in order, written in the right order", default=()
    )
    labels: dict[str, Text] = told(
        "words of choices that are not to be read as they stand, by choice", default=dict
    )
    right: str = told("the right choice or number; a parameter's ${name} is filled in", default="")
    tolerance: float = told("how far off a number is still right", default=0.0, minimum=0)
    unit: Text | None = told("what the number counts or measures", default=None)

    @property
    def answer(self) -> str:
        """The right value, its parameters not filled in yet."""
        return SEPARATOR.join(self.choices) if self.asks == Asks.ORDER else self.right


def read_value(prediction: Prediction, value: str) -> str | None:
    """The value as it is kept, or None when it is no answer to what is asked."""
    if prediction.asks == Asks.NUMBER:
        return read_number(value)
    if prediction.asks == Asks.ORDER:
        items = split_order(value)
        return SEPARATOR.join(items) if sorted(items) == sorted(prediction.choices) else None
    return value if value in prediction.choices else None


def read_number(value: str) -> str | None:
    """Digits with at most one point or comma before the decimals."""
    return value.replace(",", ".").lstrip("+") if _NUMBER.fullmatch(value) else None


def split_order(value: str) -> list[str]:
    return [item.strip() for item in value.split(SEPARATOR)]


def is_right(prediction: Prediction, value: str, truth: str) -> bool:
    """Both as they are kept; an order is right only as a whole."""
    if prediction.asks == Asks.NUMBER:
        return abs(Decimal(value) - Decimal(truth)) <= Decimal(str(prediction.tolerance))
    return value == truth


def spell_value(prediction: Prediction | None, value: str) -> str:
    """The value in the reader's words; as it was kept where the lab no longer asks."""
    if prediction is None:
        return value
    if prediction.asks == Asks.NUMBER:
        return f"{value} {prediction.unit}" if prediction.unit else value
    items = split_order(value) if prediction.asks == Asks.ORDER else [value]
    return " → ".join(spell_choice(prediction, item) for item in items)


def spell_choice(prediction: Prediction, choice: str) -> str:
    return str(prediction.labels.get(choice, choice))


def shuffle_choices(choices: Sequence[str], seed: str) -> list[str]:
    """The choices of an order as the student first sees them: for one seed always the same, and not right."""
    source, shown = random.Random(seed), list(choices)
    while shown == list(choices):
        source.shuffle(shown)
    return shown


def move_choice(items: Sequence[str], move: str) -> list[str]:
    """The items after a move such as `syn up`; one that cannot be made changes nothing."""
    moved, (item, _space, way) = list(items), move.partition(" ")
    if item not in moved:
        return moved
    at = moved.index(item)
    to = at + {"up": -1, "down": 1}.get(way, 0)
    if 0 <= to < len(moved):
        moved[at], moved[to] = moved[to], moved[at]
    return moved


def brier_score(made: Sequence[Mapping]) -> float | None:
    """The mean squared distance between what was said (confidence, in percent) and what came (right or
    not): 0 for a seer, 0.25 for who always says 50 %. None where nothing was said.

    Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review 78, 1950.
    """
    if not made:
        return None
    return sum((each["confidence"] / 100 - each["is_right"]) ** 2 for each in made) / len(made)
