"""A process tied to its parent dies with it, however the parent dies."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local import lifeline

# The parent starts a tied child that holds the write end of a pipe, says so, and waits to be killed.
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, {lifeline!r}, "--signal", "KILL", "--", "sleep", "600"])
print(child.pid, flush=True)
child.wait()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_child_ends_with_its_parent(how):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(lifeline=lifeline.__file__)], stdout=subprocess.PIPE, text=True
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
