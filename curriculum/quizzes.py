"""The quiz of a chapter: its questions as values, drawn anew for each attempt.

A question's numbers come from the attempt's seed (`parameters`), are worked out of one another
(`values`, in CEL), or are read in the student's live session (`live`), where they take the place of
the values of the same names. So a live question is also one that can be asked without a cluster.
"""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from curriculum.cel import work_out
from curriculum.draws import Parameter, draw_value
from curriculum.enums import ConditionKind, QuestionKind, Spelling
from curriculum.kinds import PLACE_PATTERN, Proof
from curriculum.predictions import SEPARATOR, shuffle_choices
from curriculum.schema import KEY_PATTERN, derived, told
from curriculum.text import Text

READS = ["object", "command", "service-range", "value"]
LETTERS = "abcdefghij"
CHOSEN = (QuestionKind.SINGLE, QuestionKind.MULTIPLE)
TYPED = (QuestionKind.NUMBER, QuestionKind.TEXT)


@dataclass(frozen=True, kw_only=True)
class Fact:
    """Something that is read in the student's session, in the way an `answer` condition does."""

    reads: str = told("how it is read", enum=READS)
    api: str = told("apiVersion of the object", default="")
    resource: str = told("kind of the object", default="")
    name: str = told("name of the object; without it, `objects` is the list of all", default="")
    namespace: str = told("key of one of the lab's namespaces, when not the main one", default="")
    expression: str = told("the value, as CEL of `object` or `objects`", default="")
    pod: str = told("place a command runs in", default="", pattern=f"{PLACE_PATTERN}|^$")
    argv: tuple[str, ...] = told("that command, word by word; ${name} is filled in", default=())
    matches: str = told("regular expression over its output; the first group is the value", default="")
    value: str = told("template of the value; ${name} is filled in", default="")

    @property
    def proof(self) -> Proof:
        """The same as a condition of the kind `answer`, so that one reader serves both."""
        written = {name: getattr(self, name) for name in _READ_ALIKE if getattr(self, name)}
        return Proof(kind=ConditionKind.ANSWER, settings={"step": "quiz", "equals": self.reads, **written})


_READ_ALIKE = ("api", "resource", "name", "namespace", "expression", "pod", "argv", "matches", "value")


@dataclass(frozen=True, kw_only=True)
class Live:
    """Where a question's values are read while a session lives."""

    labs: tuple[str, ...] = told(
        "labs whose session can be asked; the page offers to start the first", minItems=1
    )
    facts: dict[str, Fact] = told("what is read there, by the name of the value whose place it takes")


@dataclass(frozen=True, kw_only=True)
class Question:
    """A question. Its words, and what is told of each answer, are in the prose files."""

    key: str = told("name of the question, the same in both prose files", pattern=KEY_PATTERN)
    kind: QuestionKind = told("what it wants")
    read: str = told("section of the chapter to read again: the id of its Portuguese heading")
    lab: str = told("lab of the chapter that shows it", default="")
    choices: tuple[str, ...] = told(
        "keys of what is chosen from; for `order`, what is put in order, written in the right order",
        default=(),
    )
    right: tuple[str, ...] = told("the right choice, or for `multiple` all right ones", default=())
    shuffled: bool = told("whether the choices come in another order each time", default=True)
    answer: str = told(
        "the right number or text, as CEL of `given.NAME`; NAME is a parameter or a value", default=""
    )
    tolerance: float = told("how far off a number is still right", default=0.0, minimum=0)
    unit: Text | None = told("what the number counts or measures", default=None)
    accepts: Spelling = told("what a `text` is, and so how it is compared", default=Spelling.WORD)
    parameters: dict[str, Parameter] = told("values drawn for each attempt", default=dict)
    values: dict[str, str] = told("values worked out in this order, as CEL of `given.NAME`", default=dict)
    mistakes: dict[str, str] = told(
        "answers of typical mistakes, as CEL of `given.NAME`; each has its words in the prose", default=dict
    )
    live: Live | None = told("where values are read while a session of the student's lives", default=None)
    title: Text = derived()
    text: Text = derived()
    if_live: Text | None = derived(None)
    if_drawn: Text | None = derived(None)
    why: Text = derived()
    words: Mapping[str, Text] = derived(dict)
    told_of: Mapping[str, Text] = derived(dict)

    @property
    def names(self) -> frozenset[str]:
        """What its expressions and its prose may refer to."""
        return frozenset({*self.parameters, *self.values})

    @property
    def wrong_models(self) -> tuple[str, ...]:
        """Keys of the answers that have words of their own."""
        return self.choices if self.kind in CHOSEN else tuple(self.mistakes)


@dataclass(frozen=True, kw_only=True)
class Quiz:
    """The questions of a chapter. `version` is the hash of the quiz's folder."""

    questions: tuple[Question, ...] = told("in the order in which they are asked", minItems=8)
    version: str = derived()

    def question(self, key: str) -> Question:
        """Raises KeyError for a question the quiz does not have."""
        for question in self.questions:
            if question.key == key:
                return question
        raise KeyError(key)


@dataclass(frozen=True)
class Draw:
    """A question with its numbers: `given` fills in its words, `truth` and `mistakes` are answers as they
    are kept."""

    given: dict[str, object]
    truth: str
    mistakes: dict[str, str]


def draw(question: Question, seed: int, live: Mapping[str, object] | None = None) -> Draw:
    """The question for a seed, always the same, with what was read `live`. Raises CelError where what was
    read does not fit."""
    given: dict[str, object] = {
        name: draw_value(parameter, f"{seed}:{question.key}:{name}")
        for name, parameter in question.parameters.items()
    }
    given |= {name: _plain(value) for name, value in (live or {}).items()}
    for name, expression in question.values.items():
        if name not in given:
            given[name] = _plain(work_out(expression, given))
    mistakes = {name: spell(work_out(text, given)) for name, text in question.mistakes.items()}
    return Draw(given, _truth(question, given), mistakes)


def _truth(question: Question, given: Mapping[str, object]) -> str:
    if question.kind == QuestionKind.ORDER:
        return SEPARATOR.join(question.choices)
    if question.kind in CHOSEN:
        return SEPARATOR.join(sorted(question.right))
    return spell(work_out(question.answer, given))


def _plain(value: object) -> object:
    """As JSON keeps it; a text of digits, as commands print them, is a number."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
        return int(value)
    return value if isinstance(value, str | int | float | bool) else json.loads(json.dumps(value))


def spell(value: object) -> str:
    """A value as one types it: at most six decimals, and none where there are none."""
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)


def shown_choices(question: Question, seed: int) -> list[str]:
    """The choices as they stand on the page: an order never in the right one."""
    if question.kind == QuestionKind.ORDER:
        return shuffle_choices(question.choices, f"{seed}:{question.key}")
    shown = list(question.choices)
    if question.shuffled:
        random.Random(f"{seed}:{question.key}").shuffle(shown)
    return shown


def lettered(question: Question, seed: int) -> dict[str, str]:
    """Choices by the letter that stands for each in the page's form: their keys could tell too much."""
    return dict(zip(LETTERS, shown_choices(question, seed), strict=False))


def live_questions(quiz: Quiz) -> Iterator[Question]:
    return (question for question in quiz.questions if question.live)
