"""The ladder of hints of a step: which are read, and which comes next.

A hint without a name is a rung: one opens after the other. One with a name waits for a condition to
fail with a reason: it is offered, before the rungs, only while the newest verdict says so. What was
opened stays.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from curriculum.reasons import Reason
from curriculum.schema import KEY_PATTERN, told
from curriculum.text import Text


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What a named hint waits for."""

    condition: str = told("condition that must have failed", pattern=KEY_PATTERN)
    reason: str = told("the reason it must have failed with", enum=[reason.value for reason in Reason])

    def holds(self, reasons: Mapping[str, str]) -> bool:
        """Whether the newest verdicts, as condition and reason, say so."""
        return reasons.get(self.condition) == self.reason


class Hint(Text):
    """One hint, in every language."""

    def __init__(self, words: Mapping[str, str], name: str = "", cause: Cause | None = None):
        super().__init__(words)
        self.name = name
        self.cause = cause


def hints_ahead(hints: Sequence[Hint], opened: Iterable[int], reasons: Mapping[str, str]) -> list[int]:
    """The numbers, from 1, of the hints that may still be opened, the next one first."""
    read = set(opened)
    left = [(number, hint) for number, hint in enumerate(hints, start=1) if number not in read]
    pointed = [number for number, hint in left if hint.cause and hint.cause.holds(reasons)]
    return [*pointed, *(number for number, hint in left if not hint.cause)]
