"""SIGKILL where it hurts, and a full disk: the rest goes on or all of it ends, and nothing is left behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.host import SMALL_DISK
from tests.netlab.worlds import pod

from .conftest import host_state, processes_inside, start

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def cluster(images, tmp_path_factory):
    cluster = start(tmp_path_factory.mktemp("killed"), "--addons", "ingress")
    yield cluster
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0


@pytest.fixture
def doomed(images, tmp_path):
    """A cluster of the test's own, with a running pod; the machine must be as before when it is gone."""
    before = host_state()
    cluster = start(tmp_path, "--addons", "none")
    cluster.apply(pod("box", "default"))
    cluster.wait("pod/box", "condition=Ready")
    inside = [os.pidfd_open(pid) for pid in processes_inside(cluster.server_pid)]
    yield cluster
    for process in inside:
        _await_end(process)
    assert host_state() == before
    _starts_and_stops(tmp_path)  # what is left in the state folder hinders nobody


def _await_end(process: int) -> None:
    """Of a process by its pidfd, which is readable when it has ended."""
    ready, _, _ = select.select([process], [], [], 20)
    os.close(process)
    assert ready


def _starts_and_stops(state: Path) -> None:
    cluster = start(state, "--addons", "none")
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0


def _pids(cluster, words: str) -> list[int]:
    """The host's pids of the cluster's processes with these words in their command line."""
    found = []
    for pid in processes_inside(cluster.server_pid):
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        found += [pid] if words in line else []
    return found


def _restarts(cluster, *pod_name: str) -> int:
    (status,) = cluster.get("pod", *pod_name)["status"]["containerStatuses"]
    return status["restartCount"]


def test_a_pod_whose_first_process_is_killed_begins_again_and_its_neighbour_does_not_notice(cluster):
    cluster.apply(pod("shot", "default", "sleep", "4711"), pod("near", "default"))
    for name in ("shot", "near"):
        cluster.wait(f"pod/{name}", "condition=Ready")
    (victim,) = _pids(cluster, "sleep 4711")
    os.kill(victim, signal.SIGKILL)
    cluster.wait("pod/shot", "jsonpath={.status.containerStatuses[0].restartCount}=1")
    cluster.wait("pod/shot", "condition=Ready")
    last = cluster.get("pod", "shot")["status"]["containerStatuses"][0]["lastState"]["terminated"]
    assert (last["exitCode"], _restarts(cluster, "near")) == (137, 0)


def test_nginx_is_started_again_when_it_is_killed(cluster):
    wait = ("-n", "nginx-ingress", "wait", "--for=condition=Ready", "pod", "--all", "--timeout=30s")
    cluster.kubectl(*wait)
    (pod_of_nginx,) = cluster.get("pods", "-n", "nginx-ingress")["items"]
    (master,) = _pids(cluster, "nginx: master process")
    os.kill(master, signal.SIGKILL)
    name = pod_of_nginx["metadata"]["name"]
    again = "--for=jsonpath={.status.containerStatuses[0].restartCount}=1"
    cluster.kubectl("-n", "nginx-ingress", "wait", again, f"pod/{name}", "--timeout=30s")
    cluster.kubectl(*wait)
    assert len(_pids(cluster, "nginx: master process")) == 1


def test_a_killed_server_takes_the_box_with_it_and_the_launcher_says_so(doomed):
    os.kill(doomed.server_pid, signal.SIGKILL)
    assert doomed.process.wait(timeout=20) == 1
    assert "the server ended by itself" in (doomed.state / "log").read_text()
    assert "refused" in doomed.kubectl("get", "pods", ok=False).stderr


def test_a_killed_keeper_takes_the_box_with_it(doomed):
    keeper = int(Path(f"/proc/{doomed.process.pid}/task/{doomed.process.pid}/children").read_text())
    os.kill(keeper, signal.SIGKILL)
    assert doomed.process.wait(timeout=20) == 1


def test_a_killed_launcher_takes_the_box_with_it(doomed):
    doomed.process.kill()
    assert doomed.process.wait(timeout=20) == -signal.SIGKILL


@pytest.fixture
def small_disk(tmp_path):
    """A folder with room for 256 KiB; only root can make one."""
    folder = tmp_path / SMALL_DISK
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def _fill(folder: Path) -> Path:
    filler = folder / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


@pytest.mark.root
def test_a_cluster_on_a_full_disk_says_so_and_leaves_nothing(images, small_disk):
    filler = _fill(small_disk)
    command = [sys.executable, "-m", "netlab", "up", "--state", str(small_disk), "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"no space is left for {small_disk}: free some, or choose another place" in done.stderr
    assert "Traceback" not in done.stderr
    filler.unlink()
    _starts_and_stops(small_disk)


@pytest.mark.root
def test_a_running_cluster_does_not_mind_a_disk_that_fills(images, small_disk, tmp_path):
    cluster = start(small_disk, "--addons", "none")
    _fill(small_disk)
    cluster.apply(pod("box", "default"))
    cluster.wait("pod/box", "condition=Ready")
    assert cluster.exec("box", "sh", "-c", "echo well > /tmp/x; cat /tmp/x").stdout == "well\n"
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0
