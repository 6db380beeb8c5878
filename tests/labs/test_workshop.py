"""Steps of every kind, played as authors play their labs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from curriculum.casts import plain_text
from curriculum.course import load_course
from curriculum.recordings import recording_lacks
from deploy.local.stack import Stack
from tests import workshop


@pytest.fixture(scope="module")
def workshop_stack(tmp_path_factory):
    """A portal of its own whose course is the workshop."""
    course = workshop.write_course(tmp_path_factory.mktemp("course"))
    with Stack(tmp_path_factory.mktemp("workshop"), COURSE=course) as running:
        yield running


@pytest.mark.integration
def test_every_kind_of_step_is_played(workshop_stack, tmp_path):
    told = tmp_path / "told.json"
    done = labs(workshop_stack, "solve", workshop.LAB, "--jobs", "3", "--json", str(told))
    assert done.returncode == 0, done.stdout + done.stderr
    plays = {each["play"] for each in json.loads(told.read_text())}
    assert plays == {"solution", "do-nothing", "idle", "isolated", "worsened", "closed"}


@pytest.mark.integration
def test_the_solution_is_recorded_with_what_every_step_printed(workshop_stack):
    course = Path(workshop_stack.env["COURSE"])
    assert recording_lacks(load_course(course).lab(workshop.LAB)) == "there is no recording"

    done = labs(workshop_stack, "record", workshop.LAB)

    assert done.returncode == 0, done.stdout + done.stderr
    lab = load_course(course).lab(workshop.LAB)
    assert recording_lacks(lab) == ""
    assert lab.recording.version == lab.version
    assert set(lab.recording.conditions) == {condition.key for condition in lab.conditions}
    left_out = {"narrow", "overstep"}
    assert "no output of overstep, narrow" in done.stdout  # to change something is the solution's to do
    assert {step.key for step in lab.recording.steps} == {step.key for step in lab.steps} - left_out
    assert "listening on" in plain_text(lab.recording.events("watch"))


def labs(stack, *words):
    command = [sys.executable, "manage.py", "labs", *words]
    return subprocess.run(
        command, cwd=settings.BASE_DIR, env=stack.env, capture_output=True, text=True, timeout=100
    )
