"""What of a passage is shown, and where in it the words looked for are."""

from collections.abc import Sequence
from typing import NamedTuple

from curriculum.search.words import WORD
from curriculum.text import fold

BEFORE, SHOWN = 6, 30  # words of a snippet before the first one that was looked for, and in all


class Span(NamedTuple):
    text: str
    is_found: bool


def mark(text: str, words: Sequence[str]) -> list[Span]:
    """The whole text in pieces; those that begin like one of the words are found."""
    spans, done = [], 0
    for word in WORD.finditer(text):
        if _begins(word[0], words):
            spans += [Span(text[done : word.start()], False), Span(word[0], True)]
            done = word.end()
    spans.append(Span(text[done:], False))
    return [span for span in spans if span.text]


def snippet(text: str, words: Sequence[str]) -> list[Span]:
    """A piece of the text around the place where most of the words stand together; its beginning where
    none does."""
    said = list(WORD.finditer(text))
    if not said:
        return []
    hits = [at for at, word in enumerate(said) if _begins(word[0], words)]
    first = max(hits, key=lambda at: (_variety(said[at : at + SHOWN], words), -at), default=0)
    start = max(0, first - BEFORE)
    end = min(len(said), start + SHOWN)
    left = 0 if start == 0 else said[start].start()
    right = len(text) if end == len(said) else said[end - 1].end()
    spans = mark(text[left:right], words)
    return [Span("… ", False)] * (left > 0) + spans + [Span(" …", False)] * (right < len(text))


def _begins(word: str, words: Sequence[str]) -> bool:
    return fold(word).startswith(tuple(words))


def _variety(said: Sequence, words: Sequence[str]) -> int:
    """How many of the words are there."""
    return len({looked for looked in words if any(fold(word[0]).startswith(looked) for word in said)})
