"""Labs prove what they say: the solution passes on the live cluster, the mutants fail.

Three labs here, which between them use pings, matrices and policies, an ingress and certificates; all of
the course is played by `make labs`, which takes longer than `make test` may.
"""

import json
import subprocess
import sys

import pytest
from django.conf import settings

from curriculum.course import get_course
from k8s_tasks.plays import plays_of

LABS = ("ping-and-netcat", "block-namespaces", "tls-at-the-ingress")


def solve(stack, lab, tmp_path, *options):
    told = tmp_path / "told.json"
    command = [sys.executable, "manage.py", "labs", "solve", lab, "--json", str(told), *options]
    done = subprocess.run(
        command, cwd=settings.BASE_DIR, env=stack.env, capture_output=True, text=True, timeout=230
    )
    return done, json.loads(told.read_text()) if told.exists() else []


@pytest.mark.integration
@pytest.mark.timeout(240)
@pytest.mark.parametrize("slug", LABS)
def test_every_play_of_a_lab_is_judged_as_it_promises(stack, slug, tmp_path):
    done, told = solve(stack, slug, tmp_path, "--jobs", "3")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each["play"] for each in told] == [play.name for play in plays_of(get_course().lab(slug))]


@pytest.mark.integration
def test_what_cannot_be_played_has_an_exit_code_of_its_own(stack, tmp_path):
    done, _told = solve(stack, "no-such-lab", tmp_path)
    assert (done.returncode, "there is no lab" in done.stderr) == (2, True)
