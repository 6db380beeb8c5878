"""netlab is started again when it dies, and ends when the pipe of `up.py` closes."""

import os
import select
import signal
import subprocess
import sys

import pytest

from deploy.local import restarter

# Says its pid, then lives until it is told to end.
CHILD = "import os, sys, signal; print('pid', os.getpid(), flush=True); signal.pause()"


@pytest.fixture
def kept(tmp_path):
    """A restarter with its child; yields the process and a reader of the child's pids."""
    fifo = tmp_path / "pids"
    os.mkfifo(fifo)
    child = [sys.executable, "-c", f"import os; print(os.getpid(), file=open({str(fifo)!r}, 'w')); {CHILD}"]
    command = [sys.executable, restarter.__file__, "--log", str(tmp_path / "log"), "--", *child]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    yield process, fifo
    process.stdin.close()
    process.wait(10)


def next_pid(fifo) -> int:
    said = ""
    while not said:  # empty: the writer before has only now closed its end
        said = fifo.read_text()
    return int(said)


def has_ended(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}")


def test_the_child_is_started_again(kept, tmp_path):
    _, fifo = kept
    first = next_pid(fifo)
    os.kill(first, signal.SIGKILL)
    second = next_pid(fifo)
    assert second != first
    assert "ended with status -9; starting it again in 2 s" in (tmp_path / "log").read_text()


def test_all_end_when_the_pipe_closes(kept):
    process, fifo = kept
    child = next_pid(fifo)
    process.stdin.close()
    assert process.wait(10) == 0
    assert has_ended(child)


def test_all_end_on_a_signal(kept):
    process, fifo = kept
    child = next_pid(fifo)
    process.terminate()
    assert process.wait(10) == 0
    assert has_ended(child)


def test_the_child_ends_when_the_restarter_is_shot(kept):
    process, fifo = kept
    child = os.pidfd_open(next_pid(fifo))
    process.kill()
    process.wait(10)
    assert select.select([child], [], [], 10)[0]
    os.close(child)
