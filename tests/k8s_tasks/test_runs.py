"""Runs as rows: who may start, what each change of state causes, what happens to the lost."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from curriculum.domain import record_prediction
from curriculum.enums import Capability, Confidence
from k8s_tasks.domain.reaping import Reaper
from k8s_tasks.domain.runs import (
    RunError,
    cancel_run,
    finish_ended_runs,
    set_run_state,
    start_run,
    start_terminal,
    start_verification,
)
from k8s_tasks.entries import read_entries
from k8s_tasks.enums import RunKind, RunState, SessionState
from k8s_tasks.models import LabSession, Run, Transcript
from k8s_tasks.redis_keys import run_beat, run_cancel, run_input, run_output, session_events, task_beat

pytestmark = pytest.mark.django_db(transaction=True)


def notices(redis_client, session) -> list[tuple[str, dict]]:
    raws = redis_client.xrange(session_events(session.pk))
    return [(fields[b"kind"].decode(), json.loads(fields[b"data"])) for _, fields in raws]


def test_a_step_becomes_a_queued_run_with_its_exact_command(session, lab, student, redis_client):
    run = start_run(session, lab.step("ping-near"), user=student)
    assert (run.state, run.pod, run.argv) == (RunState.QUEUED, "ana", ["ping", "-c", "4", "10.244.1.3"])
    assert redis_client.llen("streams") == 1


def test_a_prediction_comes_before_its_step(session, lab, student):
    with pytest.raises(RunError, match="prediction"):
        start_run(session, lab.step("ping-across"), user=student)
    record_prediction(session.attempt, lab.step("predict-ttl"), "62", Confidence.SURE)
    assert start_run(session, lab.step("ping-across"), user=student).state == RunState.QUEUED


@pytest.mark.parametrize("step", ["predict-ttl", "answer-ttl", "chat"])
def test_what_is_answered_or_typed_is_not_run(session, lab, student, step):
    with pytest.raises(RunError, match="no command"):
        start_run(session, lab.step(step), user=student)


def test_nothing_runs_in_a_session_that_is_over(session, lab, student):
    session.state = SessionState.ENDED
    with pytest.raises(RunError, match="not running"):
        start_run(session, lab.step("addresses"), user=student)


def test_a_new_command_takes_the_pane_of_the_old_one(session, lab, student):
    old = start_run(session, lab.step("addresses"), user=student)
    other = start_run(session, lab.step("listen"), user=student)
    start_run(session, lab.step("routes"), user=student)
    old.refresh_from_db(), other.refresh_from_db()
    assert (old.state, other.state) == (RunState.CANCELLED, RunState.QUEUED)


def test_a_session_has_room_for_so_many_runs(session, student):
    for _ in range(12):
        start_terminal(session, "ana", user=student, columns=80, rows=24)
    with pytest.raises(RunError, match="Too much"):
        start_terminal(session, "ana", user=student, columns=80, rows=24)


def test_a_terminal_opens_in_pods_of_the_lab_only(session, student):
    assert start_terminal(session, "beto", user=student, columns=80, rows=24).kind == RunKind.TERMINAL
    with pytest.raises(RunError, match="no such pod"):
        start_terminal(session, "kube-proxy", user=student, columns=80, rows=24)


def test_two_clicks_on_verify_are_one_verification(session, student, redis_client):
    assert start_verification(session, user=student) == start_verification(session, user=student)
    assert redis_client.llen("verify") == 1


def test_a_recheck_that_tells_its_news_does_not_stand_for_a_verification(session, student):
    news = Run.objects.create(session=session, kind=RunKind.VERIFY, state=RunState.RUNNING)
    assert start_verification(session, user=student) != news


@pytest.fixture
def run(session, lab, student):
    return start_run(session, lab.step("addresses"), user=student)


def test_states_go_forward_only(run):
    assert not set_run_state(run, RunState.RUNNING)
    assert set_run_state(run, RunState.STARTING)
    assert set_run_state(run, RunState.RUNNING)
    assert set_run_state(run, RunState.SUCCEEDED, exit_code=0)
    assert not set_run_state(run, RunState.LOST)
    assert Run.objects.get().state == RunState.SUCCEEDED


def test_a_change_is_told_to_the_sessions_pages(run, redis_client):
    set_run_state(run, RunState.STARTING)
    kind, told = notices(redis_client, run.session)[-1]
    assert (kind, told["run"], told["step"], told["state"]) == ("run", str(run.pk), "addresses", "starting")


def test_an_end_closes_the_stream_and_keeps_the_transcript(run, redis_client):
    set_run_state(run, RunState.STARTING)
    redis_client.set(run_beat(run.pk), "1")
    redis_client.xadd(run_output(run.pk), {"src": "stdout", "ms": 5, "data": "hello\n"})
    set_run_state(run, RunState.SUCCEEDED, exit_code=0)
    end = read_entries(run.pk)[-1]
    assert (end.source, json.loads(end.data)) == ("end", {"state": "succeeded", "exit_code": 0, "reason": ""})
    assert Transcript.objects.filter(run=run).exists()
    assert redis_client.ttl(run_output(run.pk)) > 3000
    assert not redis_client.exists(run_beat(run.pk), run_input(run.pk), run_cancel(run.pk))


def test_a_queued_run_is_cancelled_at_once(run):
    cancel_run(run, reason="enough")
    assert Run.objects.get().state == RunState.CANCELLED


def test_the_worker_of_a_running_one_is_asked(run, redis_client):
    set_run_state(run, RunState.STARTING)
    cancel_run(run, reason="enough")
    assert Run.objects.get().state == RunState.STARTING
    assert redis_client.xrange(run_input(run.pk))[0][1] == {b"kind": b"cancel", b"data": b"enough"}


def test_an_end_that_came_while_redis_was_away_is_said_later(run, redis_client):
    ended = timezone.now() - timedelta(seconds=10)
    Run.objects.update(state=RunState.SUCCEEDED, ended_at=ended)
    finish_ended_runs()
    finish_ended_runs()
    assert [entry.source for entry in read_entries(run.pk)] == ["end"]
    assert Transcript.objects.filter(run=run).exists()


class TestReaper:
    @pytest.fixture
    def clock(self, monkeypatch):
        """clock(11): it is eleven seconds later than when the test began, for the reaper."""
        began = timezone.now()

        def set_to(seconds: float) -> None:
            later = began + timedelta(seconds=seconds)
            monkeypatch.setattr("k8s_tasks.domain.reaping.timezone.now", lambda: later)

        return set_to

    @pytest.fixture
    def taken(self, run):
        set_run_state(run, RunState.STARTING)
        return run

    def test_two_silent_looks_mean_lost(self, taken, redis_client):
        reaper = Reaper()
        assert reaper.look() == []
        assert reaper.look() == [taken]
        assert Run.objects.get().state == RunState.LOST
        assert redis_client.llen("verify") == 1  # somebody ends what it left in the pod

    def test_a_beating_run_is_left_alone(self, taken, redis_client):
        redis_client.set(run_beat(taken.pk), "1")
        reaper = Reaper()
        assert reaper.look() == reaper.look() == []

    def test_one_missed_beat_is_forgiven(self, taken, redis_client):
        reaper = Reaper()
        reaper.look()
        redis_client.set(run_beat(taken.pk), "1")
        reaper.look()
        redis_client.delete(run_beat(taken.pk))
        assert reaper.look() == []

    def test_a_queued_run_waits_a_minute_for_a_worker(self, run):
        reaper = Reaper()
        assert reaper.look() == reaper.look() == []
        Run.objects.update(created_at=timezone.now() - timedelta(minutes=2))
        assert reaper.look() == [run]
        assert "No worker" in Run.objects.get().reason

    def test_a_verification_is_waited_for_from_its_last_beat_on(self, session, student, monkeypatch):
        run = start_verification(session, user=student)
        set_run_state(run, RunState.STARTING)
        Run.objects.update(started_at=timezone.now() - timedelta(minutes=10))
        reaper = Reaper()
        assert reaper.look() == reaper.look() == []  # another worker gets it in these seconds
        later = timezone.now() + timedelta(seconds=41)
        monkeypatch.setattr("k8s_tasks.domain.reaping.timezone.now", lambda: later)
        assert reaper.look() == [run]

    def test_a_verification_that_nobody_took_is_asked_for_again(self, session, student, redis_client, clock):
        start_verification(session, user=student)
        reaper = Reaper()
        reaper.look()
        assert redis_client.llen("verify") == 1
        clock(11)
        assert reaper.look() == reaper.look() == []
        assert redis_client.llen("verify") == 2
        clock(22)
        assert reaper.look() == reaper.look() == []
        assert redis_client.llen("verify") == 3

    def test_a_session_that_nobody_prepares_is_asked_for_again(self, session, redis_client, clock):
        LabSession.objects.update(state=SessionState.PREPARING, placed_at=timezone.now())
        Reaper().look()
        assert redis_client.llen("verify") == 0
        clock(11)
        beat = task_beat("prepare_session", session.pk)
        redis_client.set(beat, "1")
        Reaper().look()
        assert redis_client.llen("verify") == 0  # somebody is at it
        redis_client.delete(beat)
        reaper = Reaper()
        reaper.look()
        reaper.look()
        assert redis_client.llen("verify") == 1

    def test_one_that_was_taken_or_is_no_verification_is_not(self, run, session, student, redis_client):
        set_run_state(start_verification(session, user=student), RunState.STARTING)
        Run.objects.update(created_at=timezone.now() - timedelta(seconds=11))
        Reaper().look()
        assert (redis_client.llen("verify"), redis_client.llen("streams")) == (1, 1)


class TestNeeds:
    """A step that only some clusters can do."""

    @pytest.fixture
    def step(self, lab):
        return replace(lab.step("addresses"), needs=(Capability.EBPF,))

    def measure(self, session, state: str) -> None:
        told = {"state": state, "reason": {"en": "The kernel refuses.", "pt-br": "O kernel recusa."}}
        session.cluster.measured_uid, session.cluster.capabilities = session.cluster.uid, {"ebpf": told}

    @pytest.mark.parametrize("state", ["absent", "unknown"])
    def test_it_is_refused_with_the_reason_that_was_measured(self, session, step, student, state):
        self.measure(session, state)
        with pytest.raises(RunError, match=r"Skipped on this cluster\. ebpf: The kernel refuses\."):
            start_run(session, step, user=student)

    def test_it_runs_where_the_cluster_has_it(self, session, step, student):
        self.measure(session, "present")
        assert start_run(session, step, user=student).step == "addresses"
