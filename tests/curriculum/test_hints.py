"""Hints that wait for a failure: when they are offered, and what a linter says of them."""

import pytest

from curriculum.course import get_course
from curriculum.domain import AnswerError, open_hint, start_attempt
from curriculum.enums import ConditionKind
from curriculum.hints import Cause, Hint, hints_ahead
from curriculum.queries import hints_opened
from curriculum.reasons import MEANINGS, OF_KIND, Reason, reasons_of

WORDS = {"pt-br": "dica", "en": "hint"}
LEAK = {"matrix": "reached"}
LADDER = (
    Hint(WORDS),
    Hint(WORDS),
    Hint(WORDS, "leak", Cause(condition="matrix", reason="reached")),
    Hint(WORDS, "names", Cause(condition="dns", reason="no-reply")),
)


@pytest.mark.parametrize(
    ("opened", "reasons", "ahead"),
    [
        ([], {}, [1, 2]),
        ([1], {}, [2]),
        ([], LEAK, [3, 1, 2]),
        ([3], LEAK, [1, 2]),
        ([1, 2], LEAK, [3]),
        ([1, 2], {"matrix": "dropped"}, []),
        ([1], LEAK | {"dns": "no-reply"}, [3, 4, 2]),
    ],
)
def test_a_hint_to_what_was_found_comes_first_and_only_while_it_is_so(opened, reasons, ahead):
    assert hints_ahead(LADDER, opened, reasons) == ahead


@pytest.mark.django_db
def test_such_a_hint_is_opened_beside_the_rungs_and_kept_in_its_order(ana):
    lab = get_course().lab("block-namespaces")
    attempt, step = start_attempt(ana, lab), lab.step("allow-db")
    names = [hint.name for hint in step.hints]
    leak, rung = names.index("db-open") + 1, names.index("") + 1
    with pytest.raises(AnswerError):
        open_hint(attempt, step, leak, {})

    open_hint(attempt, step, leak, {"db-only-web": "reached"})
    open_hint(attempt, step, rung, {})

    assert hints_opened(attempt) == {"allow-db": [leak, rung]}


def test_every_reason_has_a_meaning_and_a_kind_that_gives_it():
    assert set(MEANINGS) == set(Reason)
    assert {reason for each in OF_KIND.values() for reason in each} == set(Reason)
    assert set(OF_KIND) == set(ConditionKind)


def test_a_condition_that_is_put_together_fails_with_the_reasons_of_its_parts():
    nodeport = get_course().lab("nodeport")
    assert reasons_of(nodeport.condition("empty-node"))[:2] == [Reason.NOT_ENDED, Reason.REACHED]


WHEN = "    when:\n      late: {condition: handshake, reason: no-beginning}\n"


class TestLinting:
    @pytest.fixture
    def folder(self, folder):
        """The first lab with a hint that waits for a failure."""
        folder.change("lab.yaml", "    argv: [ip, route]\n", f"    argv: [ip, route]\n{WHEN}")
        for name in ("en.md", "pt-br.md"):
            text = folder.path(name).read_text()
            head, tail = text.split("## step predict-ttl")
            folder.path(name).write_text(f"{head}### hint late\nListen first.\n\n## step predict-ttl{tail}")
        return folder

    def test_a_hint_with_a_name_is_read_with_its_cause(self, folder):
        hint = folder.lab().step("routes").hints[-1]
        assert (hint.name, hint.cause) == ("late", Cause(condition="handshake", reason="no-beginning"))

    @pytest.mark.parametrize(
        ("old", "new", "key", "mend"),
        [
            (
                "condition: handshake,",
                "condition: handshakes,",
                "when.late.condition",
                "there is no condition",
            ),
            ("no-beginning", "no-end", "when.late.reason", "choose one of"),
            ("no-beginning", "refused", "when.late.reason", "handshake never fails with 'refused', but with"),
            ("      late:", "      later:", "when.later", "the prose has no '### hint later'"),
            (WHEN, "", "steps[1]", "the hint 'late' waits for no"),
        ],
    )
    def test_one_that_can_never_be_offered_is_told(self, folder, old, new, key, mend):
        folder.change("lab.yaml", old, new)
        assert any(key in problem.key and mend in problem.mend for problem in folder.problems())

    def test_names_that_differ_between_the_languages_are_told(self, folder):
        folder.change("en.md", "### hint late", "### hint")
        assert any("the hints have other names" in problem.mend for problem in folder.problems())
