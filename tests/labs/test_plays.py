"""Each lab proves what it says: its solution passes on the live cluster, its mutants fail."""

import subprocess
import sys

import pytest
from django.conf import settings

from curriculum.course import get_course
from k8s_tasks.plays import plays_of

PLAYS = [(lab.slug, play.name) for lab in get_course().labs for play in plays_of(lab)]


@pytest.mark.integration
@pytest.mark.parametrize(("lab", "play"), PLAYS)
def test_a_play_is_judged_as_it_promises(stack, lab, play):
    command = [sys.executable, "manage.py", "solve", lab, "--play", play]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=stack.env, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stdout + done.stderr
