"""Steps of every kind, played as authors play their labs."""

import subprocess
import sys

import pytest
from django.conf import settings

from deploy.local.stack import Stack
from tests import workshop


@pytest.fixture(scope="module")
def workshop_stack(tmp_path_factory):
    """A portal of its own whose course is the workshop."""
    course = workshop.write_course(tmp_path_factory.mktemp("course"))
    with Stack(tmp_path_factory.mktemp("workshop"), COURSE=course) as running:
        yield running


@pytest.mark.integration
@pytest.mark.parametrize("play", ["solution", "idle", "isolated", "worsened", "closed"])
def test_every_kind_of_step_is_played(workshop_stack, play):
    command = [sys.executable, "manage.py", "labs", "solve", workshop.LAB, "--play", play]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=workshop_stack.env, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
