"""The starter of netlabs of their own: it does what is wanted, no more, and leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from deploy.local import netlabs
from tests.waiting import until

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def starter(folder, images):
    process = subprocess.Popen([sys.executable, netlabs.__file__, "--folder", str(folder), "--count", "2"])
    until(lambda: (folder / netlabs.SOCKET).exists())
    yield process
    process.terminate()
    process.wait(30)


@pytest.fixture
def images():
    subprocess.run([sys.executable, "-m", "netlab", "image", "build"], check=True, capture_output=True)


@pytest.fixture
def ask(starter, folder):
    def ask(question) -> dict:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(folder / netlabs.SOCKET))
            connection.sendall(json.dumps(question).encode() + b"\n")
            return json.loads(connection.makefile("rb").readline())

    return ask


def pid_of(folder, place: str) -> int:
    return json.loads((folder / place / "run.json").read_text())["pid"]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_two_netlabs_run_side_by_side_and_end_when_they_are_wanted_no_more(ask, folder):
    wanted = {"1": "aa", "2": "bb"}
    until(lambda: ask(wanted)["states"] == {"1": "ready", "2": "ready"})
    pids = [pid_of(folder, place) for place in wanted]
    assert ask({"2": "bb"}) == {"states": {"2": "ready"}}
    assert [is_alive(pid) for pid in pids] == [False, True]


def test_another_word_means_another_netlab(ask, folder):
    until(lambda: ask({"1": "aa"})["states"] == {"1": "ready"})
    before = pid_of(folder, "1")
    assert ask({"1": "bb"}) == {"states": {"1": "starting"}}
    until(lambda: ask({"1": "bb"})["states"] == {"1": "ready"})
    assert not is_alive(before)


def test_one_that_died_is_told_and_not_replaced(ask, folder):
    until(lambda: ask({"1": "aa"})["states"] == {"1": "ready"})
    os.kill(pid_of(folder, "1"), signal.SIGKILL)
    until(lambda: ask({"1": "aa"})["states"] == {"1": "ended"})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_end_with_the_starter_however_it_ends(ask, starter, folder, number):
    until(lambda: ask({"1": "aa"})["states"] == {"1": "ready"})
    pid = pid_of(folder, "1")
    starter.send_signal(number)
    starter.wait(30)
    until(lambda: not is_alive(pid))


@pytest.mark.parametrize(
    ("question", "error"),
    [
        (["1"], "a mapping"),
        ({"3": "aa"}, "there is no place '3'"),
        ({"../etc": "aa"}, "there is no place"),
        ({"1": "a b"}, "hexadecimal"),
        ({"1": 7}, "hexadecimal"),
    ],
)
def test_who_asks_for_more_is_refused(question, error):
    with pytest.raises(netlabs.Unclear, match=error):
        netlabs.read_question(json.dumps(question).encode(), 2)
