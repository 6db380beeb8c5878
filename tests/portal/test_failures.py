"""The places of a replay that one jumps to."""

from datetime import timedelta

import pytest
from django.utils.translation import override

from curriculum.enums import Verdict
from k8s_tasks.enums import RunKind, RunState
from k8s_tasks.models import ConditionResult, Run
from portal.failures import failures_during
from tests.portal.conftest import make_run


@pytest.fixture
def terminal(world) -> Run:
    """Alice's terminal of a minute."""
    world.terminal.created_at -= timedelta(minutes=2)
    world.terminal.ended_at = world.terminal.created_at + timedelta(seconds=60)
    world.terminal.save()
    return world.terminal


def end_run(terminal: Run, seconds: float, **facts) -> Run:
    return make_run(terminal.session, ended_at=terminal.created_at + timedelta(seconds=seconds), **facts)


def judge(terminal: Run, seconds: float, verdict: Verdict, condition: str = "icmp-reach", **facts) -> None:
    attempt = terminal.session.attempt
    run = make_run(terminal.session, kind=RunKind.VERIFY, step="", pod="")
    reason = {"en": "No reply came.", "pt-br": "Nenhuma resposta."}
    result = ConditionResult.objects.create(
        **{"run": run, "attempt": attempt, "condition": condition, "verdict": verdict, "reason": reason}
        | facts
    )
    moment = terminal.created_at + timedelta(seconds=seconds)
    ConditionResult.objects.filter(pk=result.pk).update(created_at=moment)


@override("en")
def test_what_failed_while_the_terminal_was_open_is_told_in_its_time(terminal, lab):
    command = end_run(terminal, 20, exit_code=1)
    judge(terminal, 35.25, Verdict.UNDECIDED)
    judge(terminal, 10, Verdict.FAIL, condition="no-longer-there")

    missed, failed, undecided = failures_during(terminal, lab)

    assert (missed.at, missed.kind, missed.title) == (10, "fail", "no-longer-there: Not yet")
    assert (failed.at, failed.kind, failed.reason) == (20, "run", "exit 1")
    assert (failed.title, failed.run_url) == (str(lab.step("addresses").title), f"/runs/{command.pk}/")
    assert (undecided.at, undecided.clock, undecided.reason) == (35.25, "0:35", "No reply came.")
    assert undecided.title == f"{lab.condition('icmp-reach').title}: Undecided"


def test_what_went_well_or_was_at_another_time_is_no_place_to_jump_to(terminal, lab):
    end_run(terminal, 5, exit_code=0)
    end_run(terminal, 6, state=RunState.CANCELLED, exit_code=130)
    end_run(terminal, 61, exit_code=1)
    judge(terminal, 7, Verdict.PASS)
    judge(terminal, -1, Verdict.FAIL)

    assert failures_during(terminal, lab) == []


@pytest.mark.parametrize("state", [RunState.FAILED, RunState.TIMED_OUT, RunState.LOST])
def test_a_run_that_broke_is_its_own_failure(world, lab, state):
    run = make_run(world.session, state=state, reason="The pod is gone.")
    run.ended_at = run.created_at + timedelta(seconds=3)
    run.save()

    [failure] = failures_during(run, lab)

    assert (failure.at, failure.run_url) == (3, "")
    assert failure.reason == f"{RunState(state).label} – The pod is gone."


def test_a_terminal_that_was_closed_for_nobody_used_it_has_not_failed(terminal, lab):
    terminal.state = RunState.TIMED_OUT
    terminal.save()

    assert failures_during(terminal, lab) == []


def test_the_page_offers_the_failures_and_the_text(world, terminal, visit, lab):
    judge(terminal, 12.5, Verdict.FAIL)

    page = visit(world.paula).get(f"/runs/{terminal.pk}/").content.decode()

    assert 'href="?at=12.5#replay" data-replay-jump="12.5"' in page
    assert "No reply came." in page


def test_times_of_failures_are_numbers_in_portuguese_too(world, terminal, visit):
    judge(terminal, 34.5, Verdict.FAIL)
    world.paula.language = "pt-br"
    world.paula.save()

    page = visit(world.paula).get(f"/runs/{terminal.pk}/").content.decode()

    assert 'data-replay-jump="34.5"' in page
    assert "Nenhuma resposta." in page


def test_many_failures_cost_as_many_queries_as_one(terminal, lab, django_assert_num_queries):
    for second in range(1, 4):
        judge(terminal, second, Verdict.FAIL)
        end_run(terminal, second, exit_code=2)
    run = Run.objects.select_related("session__attempt").get(pk=terminal.pk)

    with django_assert_num_queries(2):
        assert len(failures_during(run, lab)) == 6
