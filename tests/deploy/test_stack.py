"""The portal as `make run` starts it: who runs as whom, what is restarted, and that nothing is left."""

import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from deploy.local.folders import ROOTS_OWN
from deploy.local.stack import PROJECT, Stack, StackError
from tests.host import mounts

pytestmark = pytest.mark.integration
SERVICES = {"redis", "web", "worker-streams", "worker-verify", "watcher"}
AWAY = """
apiVersion: v1
kind: Config
clusters: [{name: away, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {token: none}}]
contexts: [{name: away, context: {cluster: away, user: nobody}}]
current-context: away
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """A function that gives a portal whose cluster is away: all of ours runs, started in two seconds."""

    def make() -> Stack:
        folder = tmp_path_factory.mktemp("small")
        (folder / "kubeconfig").write_text(AWAY)
        return Stack(folder / "var", CLUSTER=folder / "kubeconfig")

    return make


@pytest.fixture(scope="module")
def small(start):
    """One such portal for all tests that leave it running."""
    with start() as running:
        yield running


@pytest.fixture(scope="module")
def again_and_again(start):
    return start()


@pytest.fixture
def doomed(again_and_again):
    """One for a test that ends it. The next such test starts it in the folder that this one leaves."""
    with again_and_again as running:
        yield running


def family(pid: int) -> list[int]:
    """A process and all that descend from it, without those that end meanwhile."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def wait_for_end(pids: list[int], seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            watched = os.pidfd_open(pid)
            ended, _, _ = select.select([watched], [], [], max(0, until - time.monotonic()))
            os.close(watched)
            assert ended, f"{pid} lives on: {Path(f'/proc/{pid}/cmdline').read_text()}"


def test_all_answer_and_the_accounts_are_told(small):
    assert set(small.pids()) == SERVICES
    assert set(small.accounts) == {"student", "instructor", "admin"}
    assert all(account["password"] in small.output for account in small.accounts.values())
    assert httpx.get(small.url, follow_redirects=True).status_code == 200


def test_only_loopback_is_listened_on(small):
    listening = subprocess.run(["ss", "-H", "-tlnp"], capture_output=True, text=True, check=True).stdout
    ours = {
        line.split()[3]
        for pid in family(small.pid)
        for line in listening.splitlines()
        if f"pid={pid}," in line
    }
    assert ours == {small.url.removeprefix("http://")}


@pytest.mark.root
def test_nobody_keeps_root(small):
    owners = {pid: Path(f"/proc/{pid}").stat().st_uid for pid in family(small.pid)}
    assert len(owners) >= len(SERVICES) + 2
    assert 0 not in owners.values()


def test_others_on_the_machine_may_not_read_the_data(small):
    kept = [path for path in small.folders.state.iterdir() if path.name not in ROOTS_OWN]
    database = set() if small.env.get("DATABASE_URL") else {"database"}
    assert {"demo_accounts.json", "secret_key", "log", "redis"} | database <= {path.name for path in kept}
    assert [path for path in kept if path.stat().st_mode & 0o077] == []


@pytest.mark.parametrize("name", ["web", "worker-streams", "redis"])
def test_what_dies_is_started_again(small, name):
    first = small.pids()[name]
    os.kill(first, signal.SIGKILL)
    wait_for_end([first])
    small.wait_for(name, other_than=first)
    assert small.pids()[name] != first


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_everything(doomed, number):
    pids = family(doomed.pid)
    os.kill(doomed.pid, number)
    wait_for_end(pids)
    assert not doomed.folders.run.exists()


@pytest.mark.parametrize("who", ["up", "supervisord"])
def test_a_shot_parent_leaves_nobody(doomed, who):
    pids = family(doomed.pid)
    os.kill(doomed.pid if who == "up" else pids[1], signal.SIGKILL)
    wait_for_end(pids)
    assert not list(doomed.folders.state.rglob("*.sock"))


def test_a_second_run_in_the_same_folder_is_refused(small):
    second = Stack(small.folders.state, CLUSTER="netlab")
    second._output = small.folders.state.parent / "second.log"
    with pytest.raises(StackError, match=rf"already runs here \(pid {small.pid}, {small.url}\)"):
        second.start()


def test_it_starts_again_in_the_same_folder(doomed):
    password = doomed.accounts["student"]["password"]
    doomed.stop()
    doomed.start()
    assert doomed.accounts["student"]["password"] == password


def test_a_busy_port_is_a_sentence(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=rf"port {port} cannot be used.*make run PORT={port + 1}"):
            Stack(tmp_path, port=port).start()


def test_demo_accounts_are_refused_off_loopback(tmp_path):
    with pytest.raises(StackError, match=r"not on 0\.0\.0\.0; DEMO_ACCOUNTS=no starts without them"):
        Stack(tmp_path, HOST="0.0.0.0", SECRET_KEY="x" * 50, CLUSTER=__file__).start()


def test_a_wrong_option_is_a_sentence(tmp_path):
    with pytest.raises(
        StackError, match="error: SESSION_MINUTES='soon' cannot be used: a whole number is expected"
    ):
        Stack(tmp_path, SESSION_MINUTES="soon").start()


def test_where_netlab_cannot_run_the_rest_does_and_says_why(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))  # so crun is not found
    with Stack(tmp_path / "var") as running:
        assert "cannot run here: missing on this machine: crun" in running.output
        assert "crun" in (running.folders.netlab / "unavailable.txt").read_text()
        assert httpx.get(running.url, follow_redirects=True).status_code == 200


def test_the_status_names_the_processes(small):
    tool = Path(__file__).resolve().parents[2] / "deploy/local/stack.py"
    told = subprocess.run([sys.executable, tool, str(small.folders.state)], capture_output=True, text=True)
    assert small.url in told.stdout
    assert all(name in told.stdout for name in SERVICES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """With netlab, in the default way."""
    with Stack(tmp_path_factory.mktemp("whole") / "var") as running:
        yield running


def owner_of(pid: int) -> int | None:
    with contextlib.suppress(FileNotFoundError):  # a pod's process may end at any time
        return Path(f"/proc/{pid}").stat().st_uid
    return None


@pytest.mark.root
def test_only_netlab_and_what_starts_more_of_them_keep_root(whole):
    kept = {"netlab", str(PROJECT / "deploy/local/netlabs.py")}  # each under its restarter
    roots = [pid for pid in family(whole.pid) if owner_of(pid) == 0]
    words = [Path(f"/proc/{pid}/cmdline").read_text().split("\0") for pid in roots]
    assert [bool(kept.intersection(line)) for line in words] == [True] * 4, words


def test_netlab_is_started_again_and_the_portal_finds_it(whole):
    first = whole.pids()["netlab"]
    os.kill(first, signal.SIGKILL)
    wait_for_end([first])
    whole.wait_until(lambda: whole.pids().get("netlab", first) != first and whole.is_healthy())


def test_netlab_leaves_nothing_behind_when_all_is_shot(whole):
    pids, port = family(whole.pid), whole.netlab_port
    before = mounts()
    os.kill(whole.pid, signal.SIGKILL)
    wait_for_end(pids)
    assert mounts() == before
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"https://127.0.0.1:{port}/", verify=False)
