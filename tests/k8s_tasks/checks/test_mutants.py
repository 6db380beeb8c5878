"""What the course's mutants fail with is what the checks say, as far as it is known without playing them."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from curriculum.course import get_course
from curriculum.enums import ConditionKind
from k8s_tasks.checks import answer

ANSWERS = Path(answer.__file__)
LABS = [lab for chapter in get_course().chapters for lab in chapter.labs]
FACT = re.compile(r"%\(\w+\)s")


@pytest.mark.parametrize("lab", LABS, ids=lambda lab: lab.slug)
def test_mutants_wait_for_words_that_their_checks_can_say(lab):
    conditions = {each.key: each for each in lab.conditions}
    for mutant in lab.mutants:
        for key, words in mutant.fails.items():
            told = [each for leaf in conditions[key].leaves for each in sentences(leaf, mutant)]
            assert any(can_hold(each, words) for each in told), (mutant.name, key, words)


@pytest.mark.parametrize(
    ("sentence", "words", "can"),
    [
        ("%(hits)s moved: %(share)s %%. That does not fit the %(right)s %%.", "not fit the 25 %", True),
        ("%(hits)s moved: %(share)s %%. That does not fit the %(right)s %%.", "not the 25", False),
        ("You answered %(answer)s, and that is not it.", "answered 25, and", True),
        ("You answered %(answer)s, and that is not it.", "says otherwise", False),
    ],
)
def test_words_are_looked_for_where_facts_may_stand(sentence, words, can):
    assert can_hold(sentence, words) is can


def sentences(leaf, mutant) -> list[str]:
    """Those of a typed answer are few, and which of them fits is known; of the rest it is all that any check
    says, with the author's own words."""
    if leaf.kind != ConditionKind.ANSWER:
        own = getattr(leaf.parsed, "otherwise", None)
        return [*texts_of_checks(), *([own["en"]] if own else [])]
    if leaf.parsed.equals in ("reply-ttl", "silence"):
        return texts_in(ANSWERS)
    is_live = bool(leaf.parsed.tolerance) or answer.is_read_live(leaf.parsed)
    wrong = answer.judge_value("right", "%(answer)s", is_live=is_live).reason["en"]
    return [answer.NO_ANSWER, answer.NOTHING_YET, wrong, *texts_in(ANSWERS.with_name("timing.py"))]


@cache
def texts_of_checks() -> list[str]:
    return [text for path in ANSWERS.parent.glob("*.py") if path != ANSWERS for text in texts_in(path)]


@cache
def texts_in(module: Path) -> list[str]:
    """Its strings as gettext finds them."""
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    marked = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "_"]
    return [ast.literal_eval(call.args[0]) for call in marked]


def can_hold(sentence: str, words: str) -> bool:
    """Whether the words can stand in the sentence: the first may be the end of a word of it, the last the
    beginning of one. A fact is one word, whatever it is."""
    line, wanted = sentence.replace("%%", "%").split(), words.split()
    places = range(len(line) - len(wanted) + 1)
    return any(fits(line[place : place + len(wanted)], wanted) for place in places)


def fits(line: list[str], wanted: list[str]) -> bool:
    if len(wanted) == 1:
        return wanted[0] in line[0] or bool(FACT.search(line[0]))
    first = bool(FACT.search(line[0])) or line[0].endswith(wanted[0])
    last = bool(FACT.search(line[-1])) or line[-1].startswith(wanted[-1])
    pairs = zip(line[1:-1], wanted[1:-1], strict=True)
    return first and last and all(re.fullmatch(pattern(token), word) for token, word in pairs)


def pattern(token: str) -> str:
    return r"\S+".join(map(re.escape, FACT.split(token)))
