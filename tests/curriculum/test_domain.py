"""Attempts, answers and proofs."""

import pytest
from django.core.management import call_command
from django.utils import translation

from curriculum.course import get_course
from curriculum.domain import (
    AnswerError,
    current_attempt,
    open_hint,
    record_answer,
    record_prediction,
    start_attempt,
    store_pass,
    sync_labs,
)
from curriculum.enums import Confidence
from curriculum.models import ConditionPass, Lab
from curriculum.queries import answers, hints_opened, progress
from curriculum.specs import Course

pytestmark = pytest.mark.django_db
NOTHING_PASSED = {"passed": 0, "total": 5, "is_passed": False, "is_own": False}
ALL_PASSED = {"passed": 5, "total": 5, "is_passed": True, "is_own": True}


def prove(attempt, *conditions):
    for condition in conditions:
        store_pass(attempt, condition, {"en": "seen", "pt-br": "visto"}, {"packets": 2})


def prove_all(attempt, lab):
    prove(attempt, *(condition.key for condition in lab.conditions))


def test_an_attempt_keeps_its_parameters_and_two_students_get_different_ones(ana, beto, lab):
    first, second = start_attempt(ana, lab), start_attempt(beto, lab)
    first.refresh_from_db()
    assert first.parameters == current_attempt(ana, lab).parameters
    assert first.parameters["nonce"] != second.parameters["nonce"]
    assert first.lab_version == lab.version


def test_the_newest_attempt_is_the_current_one(ana, lab):
    assert current_attempt(ana, lab) is None
    start_attempt(ana, lab)
    again = start_attempt(ana, lab)
    assert current_attempt(ana, lab) == again


def test_a_prediction_is_committed_once(ana, lab):
    attempt = start_attempt(ana, lab)
    record_prediction(attempt, lab.step("predict-ttl"), "64", Confidence.SURE)
    with pytest.raises(AnswerError, match="already committed"), translation.override("en"):
        record_prediction(attempt, lab.step("predict-ttl"), "62", Confidence.SURE)
    assert answers(attempt) == {"predict-ttl": "64"}


def test_an_answer_may_be_changed_and_the_newest_counts(ana, lab):
    attempt = start_attempt(ana, lab)
    record_answer(attempt, lab.step("answer-ttl"), "63")
    record_answer(attempt, lab.step("answer-ttl"), " 62 ")
    assert answers(attempt) == {"answer-ttl": "62"}


@pytest.mark.parametrize(
    ("step", "value"),
    [
        ("predict-ttl", "62"),
        ("answer-ttl", "sixty-two"),
        ("answer-ttl", "٦٢"),
        ("answer-ttl", "6" * 300),
        ("answer-ttl", "   "),
        ("routes", "62"),
    ],
)
def test_a_value_that_is_no_answer_is_refused(ana, lab, step, value):
    attempt = start_attempt(ana, lab)
    with pytest.raises(AnswerError):
        record_answer(attempt, lab.step(step), value)
    assert answers(attempt) == {}


def test_a_proof_is_stored_once_with_its_first_evidence(ana, lab):
    attempt = start_attempt(ana, lab)
    prove(attempt, "echo-pair")
    store_pass(attempt, "echo-pair", {"en": "later"}, {})
    assert ConditionPass.objects.get(attempt=attempt).evidence == {"packets": 2}


def test_a_proof_of_an_unknown_condition_is_refused(ana, lab):
    with pytest.raises(KeyError):
        prove(start_attempt(ana, lab), "no-such-condition")
    assert not ConditionPass.objects.exists()


def test_the_attempt_is_passed_with_its_last_condition(ana, lab):
    attempt = start_attempt(ana, lab)
    prove(attempt, *(condition.key for condition in lab.conditions[1:]))
    assert attempt.passed_at is None
    prove(attempt, lab.conditions[0].key)
    passed_at = attempt.passed_at
    assert passed_at is not None
    prove_all(attempt, lab)
    attempt.refresh_from_db()
    assert attempt.passed_at == passed_at


def test_progress_counts_the_best_attempt_and_only_ones_own(ana, beto, lab):
    prove(start_attempt(ana, lab), "echo-pair", "handshake")
    prove(start_attempt(ana, lab), "icmp-reach")
    assert progress(ana)["ping-and-netcat"] == NOTHING_PASSED | {"passed": 2}
    assert progress(beto)["ping-and-netcat"] == NOTHING_PASSED


def test_a_passed_lab_stays_passed_in_a_redo(ana, lab):
    prove_all(start_attempt(ana, lab), lab)
    start_attempt(ana, lab)
    assert progress(ana)["ping-and-netcat"] == ALL_PASSED


def test_a_lab_is_ones_own_by_one_attempt_in_which_nobody_else_typed(ana, lab):
    first = start_attempt(ana, lab)
    prove_all(first, lab)
    first.passes.filter(condition="echo-pair").update(is_helped=True)
    assert progress(ana)["ping-and-netcat"] == ALL_PASSED | {"is_own": False}

    prove(start_attempt(ana, lab), "echo-pair")
    assert not progress(ana)["ping-and-netcat"]["is_own"]
    prove_all(start_attempt(ana, lab), lab)
    assert progress(ana)["ping-and-netcat"]["is_own"]


@pytest.mark.parametrize("attempts", [1, 3])
def test_progress_costs_one_query(ana, lab, attempts, django_assert_num_queries):
    for _ in range(attempts):
        prove(start_attempt(ana, lab), "echo-pair", "handshake")
    with django_assert_num_queries(1):
        progress(ana)


def test_load_course_may_run_again_and_withdraws_what_is_gone(ana, lab, capsys):
    start_attempt(ana, lab)
    call_command("load_course", skip_checks=True)
    call_command("load_course", skip_checks=True)
    offered = len(get_course().labs)
    assert Lab.objects.get(slug=lab.slug).version == lab.version
    assert f"{offered} lab(s) offered, 0 withdrawn;" in capsys.readouterr().out
    first, *others = get_course().chapters
    assert sync_labs(Course(tuple(others))) == (offered - len(first.labs), len(first.labs))
    assert not Lab.objects.get(slug=lab.slug).is_active


class TestHints:
    def test_the_ladder_is_climbed_rung_by_rung_and_each_is_kept_once(self, ana, lab):
        attempt, step = start_attempt(ana, lab), lab.step("routes")
        with pytest.raises(AnswerError):
            open_hint(attempt, step, 2, {})
        for number in (1, 1, 2):
            open_hint(attempt, step, number, {})
        assert hints_opened(attempt) == {"routes": [1, 2]}

    @pytest.mark.parametrize("number", [0, -1, 99])
    def test_a_rung_that_is_not_there_cannot_be_opened(self, ana, lab, number):
        with pytest.raises(AnswerError):
            open_hint(start_attempt(ana, lab), lab.step("routes"), number, {})

    def test_after_passing_hints_are_free(self, ana, lab):
        attempt = start_attempt(ana, lab)
        for condition in lab.conditions:
            store_pass(attempt, condition.key, {}, {})
        open_hint(attempt, lab.step("routes"), 2, {})
        assert hints_opened(attempt) == {}

    def test_another_attempt_begins_with_none(self, ana, lab):
        open_hint(start_attempt(ana, lab), lab.step("routes"), 1, {})
        assert hints_opened(start_attempt(ana, lab)) == {}
