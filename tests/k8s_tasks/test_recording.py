"""What a recording takes of a play."""

import gzip
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from curriculum.enums import Verdict
from curriculum.recordings import RecordedStep
from k8s_tasks.enums import RunState
from k8s_tasks.models import ConditionResult, Run, Transcript
from k8s_tasks.plays import PlayError
from k8s_tasks.recording import (
    Recorded,
    _demand_proof,
    _looks_left_out,
    _printed,
    _run_told,
    seed_of,
    told,
    write_recording,
)


@pytest.fixture
def run(session):
    ended = timezone.now()
    run = Run.objects.create(
        session=session,
        step="capture",
        pod="carla",
        argv=["tcpdump", "-n"],
        state=RunState.CANCELLED,
        ended_at=ended,
    )
    Run.objects.filter(pk=run.pk).update(created_at=ended - timedelta(seconds=10))
    run.refresh_from_db()
    lines = '{"version": 2}\n[1.0, "o", "the student\'s"]\n[9.0, "o", "the probe\'s"]\n'
    Transcript.objects.create(run=run, cast=gzip.compress(lines.encode()))
    return run


def test_the_probes_of_the_verification_are_not_recorded(run):
    began = run.created_at + timedelta(seconds=5)
    assert _printed(run, began) == [(1.0, "the student's")]


def test_a_capture_that_went_on_to_the_end_says_so(run):
    went_on = _run_told(run, run.ended_at - timedelta(seconds=1))
    assert (went_on["state"], went_on["exit_code"]) == ("running", None)
    assert _run_told(run, run.ended_at)["state"] == "cancelled"


def test_only_what_there_is_to_say_is_written():
    assert told(RecordedStep(key="send", command="nc", state="succeeded", exit_code=0)) == {
        "key": "send",
        "command": "nc",
        "state": "succeeded",
        "exit_code": 0,
    }


def test_what_the_solution_does_not_look_at_is_looked_at_too(lab):
    assert [step.key for step in _looks_left_out(lab, lab.solution)] == ["addresses", "routes"]


def test_a_recording_whose_conditions_are_not_proven_is_none():
    result = ConditionResult(verdict=Verdict.FAIL, reason={"en": "nothing came"})
    with pytest.raises(PlayError, match="echo is fail: nothing came"):
        _demand_proof({"echo": result})


def test_a_lab_is_recorded_with_the_same_seed_each_time(lab):
    assert seed_of(lab) == seed_of(lab) < 2**32


def test_a_new_recording_replaces_the_old_one(lab, tmp_path):
    lab = replace(lab, folder=tmp_path)
    write_recording(lab, Recorded({"index.json": "{}", "old.cast": ""}, ()))
    write_recording(lab, Recorded({"index.json": "{}"}, ()))
    assert [file.name for file in (tmp_path / "recorded").iterdir()] == ["index.json"]
