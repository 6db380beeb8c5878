"""Whether an answer to a question of a quiz is right, and, where it is not, which mistake it looks like."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from curriculum.enums import QuestionKind, Spelling
from curriculum.predictions import LARGEST_VALUE, SEPARATOR, read_number, split_order
from curriculum.quiz_prose import HOST_BITS
from curriculum.quizzes import Question

_NAME = re.compile(
    r"(?=.{1,200}$)[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*", re.ASCII
)


@dataclass(frozen=True)
class Mark:
    """`mistake` is the key of the mistake that leads to this answer, or empty."""

    is_right: bool
    mistake: str = ""


def read_said(question: Question, value: str) -> str | None:
    """The answer as it is kept, or None when it is none. Choices come by their keys, with commas."""
    value = value.strip()
    if question.kind == QuestionKind.NUMBER:
        return read_number(value)
    if question.kind == QuestionKind.TEXT:
        return read_text(question.accepts, value)
    chosen = split_order(value) if value else []
    if question.kind == QuestionKind.ORDER:
        return SEPARATOR.join(chosen) if sorted(chosen) == sorted(question.choices) else None
    if not chosen or set(chosen) - set(question.choices) or len(set(chosen)) < len(chosen):
        return None
    if question.kind == QuestionKind.SINGLE and len(chosen) > 1:
        return None
    return SEPARATOR.join(sorted(chosen))


def read_text(accepts: Spelling, value: str) -> str | None:
    """One spelling for all that mean the same."""
    if not value or len(value) > LARGEST_VALUE:
        return None
    try:
        if accepts == Spelling.ADDRESS:
            return str(ipaddress.ip_address(value))
        if accepts == Spelling.NETWORK:
            return str(ipaddress.ip_interface(value)) if "/" in value else None
    except ValueError:
        return None
    if accepts == Spelling.NAME:
        name = value.casefold().removesuffix(".")
        return name if _NAME.fullmatch(name) else None
    return " ".join(value.casefold().split())


def mark(question: Question, said: str, *, truth: str, mistakes: Mapping[str, str]) -> Mark:
    """`said` as it is kept; right goes before any mistake that happens to give the same."""
    if _same(question, said, truth):
        return Mark(True)
    if question.kind == QuestionKind.SINGLE:
        return Mark(False, said)
    alike = (key for key, value in mistakes.items() if _same(question, said, value))
    return Mark(False, next(alike, HOST_BITS if _is_host_of(question, said, truth) else ""))


def _same(question: Question, said: str, value: str) -> bool:
    if question.kind == QuestionKind.NUMBER:
        number = read_number(value)
        return number is not None and abs(Decimal(said) - Decimal(number)) <= Decimal(str(question.tolerance))
    if question.kind == QuestionKind.TEXT:
        return said == read_text(question.accepts, value)
    return said == value


def _is_host_of(question: Question, said: str, truth: str) -> bool:
    if question.kind != QuestionKind.TEXT or question.accepts != Spelling.NETWORK:
        return False
    return str(ipaddress.ip_interface(said).network) == read_text(question.accepts, truth)
