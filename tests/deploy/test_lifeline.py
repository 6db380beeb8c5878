"""A process tied to its parent dies with it, however the parent dies."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from deploy.local import lifeline

# The parent starts a tied child that holds the write end of a pipe, says so, and waits to be killed.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, {lifeline!r}, "--signal", "KILL", "--", "sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""

# As above, without a program in between.
TYING_PARENT = """
import subprocess
from deploy.local.lifeline import tie
child = subprocess.Popen(["sleep", "600"], preexec_fn=tie)
print(child.pid, flush=True)
child.wait()
"""
PARENTS = [PARENT.format(lifeline=lifeline.__file__), TYING_PARENT]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("code", PARENTS, ids=["program", "preexec"])
def test_the_child_ends_with_its_parent(code, how):
    parent = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=settings.BASE_DIR
    )
    child = os.pidfd_open(int(parent.stdout.readline()))
    wait_for_exec(parent.pid)
    parent.send_signal(how)
    parent.wait(10)
    assert select.select([child], [], [], 10)[0], "the child lives on"
    os.close(child)
    parent.stdout.close()


def wait_for_exec(parent: int) -> None:
    """Until the child is `sleep`: before that it may not have asked for the signal yet."""
    children = f"/proc/{parent}/task/{parent}/children"
    child = Path(children).read_text().split()[0]
    while "sleep" not in Path(f"/proc/{child}/comm").read_text():
        os.sched_yield()


def test_a_wish_is_remembered_and_taken_back():
    lifeline.die_with_parent(signal.SIGUSR1)
    assert lifeline.wished_death_signal() == signal.SIGUSR1
    lifeline.die_with_parent(0)
    assert lifeline.wished_death_signal() == 0
