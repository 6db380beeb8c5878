"""The command line and the life of the whole box."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from netlab import cli, preflight
from netlab.launcher import LaunchError, bind
from tests.netlab.conftest import host_state, processes_inside, start

REPOSITORY = Path(__file__).parents[2]


def run(*argv: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "netlab", *argv]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=REPOSITORY)


def wait_for_ends(pids: list[int]) -> None:
    """Returns when every process has ended; a pidfd becomes readable then."""
    import select

    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        assert select.select([handle], [], [], 10)[0], f"process {pid} lives on"
        os.close(handle)


def test_a_busy_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(LaunchError, match=f"port {port} of 127.0.0.1 is in use"):
            bind(port)


def test_the_kubeconfig_command_prints_a_path(tmp_path):
    assert run("kubeconfig", "--state", str(tmp_path)).stdout == f"{tmp_path}/kubeconfig\n"


def test_status_tells_what_hinders(tmp_path, monkeypatch, capsys):
    obstacle = preflight.Obstacle("user namespaces are switched off", "sudo sysctl -w x=1")
    monkeypatch.setattr(preflight, "check", lambda: obstacle)
    assert cli.main(["status", "--state", str(tmp_path)]) == 1
    assert capsys.readouterr().out == (
        "cannot run here: user namespaces are switched off. Remedy: sudo sysctl -w x=1.\n"
    )


def test_a_missing_program_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(preflight, "_PROGRAMS", {"no-such-runtime": "crun"})
    assert str(preflight.check()) == "missing on this machine: crun. Remedy: sudo apt-get install crun."


def test_another_system_is_told_what_to_use(monkeypatch):
    monkeypatch.setattr(preflight.sys, "platform", "darwin")
    assert "CLUSTER=kind" in str(preflight.check())


def test_missing_images_are_an_error_with_the_remedy(tmp_path):
    done = run("up", "--state", str(tmp_path / "s"), "--images-dir", str(tmp_path / "i"), "--port", "0")
    assert done.returncode == 1
    assert "run `python -m netlab image build`" in done.stderr


@pytest.mark.integration
def test_preflight_passes_where_the_tests_run():
    done = run("preflight")
    assert (done.returncode, done.stdout) == (0, "netlab: can run here\n")


@pytest.mark.integration
def test_a_second_cluster_in_the_same_place_is_refused(netlab):
    done = run("up", "--state", str(netlab.state), "--port", "0")
    assert (done.returncode, "is running from" in done.stderr) == (1, True)


@pytest.mark.integration
def test_status_speaks_of_the_running_cluster(netlab):
    facts = json.loads(run("status", "--json", "--state", str(netlab.state)).stdout)
    assert (facts["running"], facts["ready"], facts["nodes"], facts["pid"]) == (
        True,
        True,
        3,
        netlab.process.pid,
    )


@pytest.mark.integration
def test_the_kubeconfig_is_for_its_owner_alone(netlab):
    assert netlab.kubeconfig.stat().st_mode & 0o777 == 0o600


@pytest.mark.integration
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_whatever_ends_it(images, tmp_path, how):
    before = host_state()
    cluster = start(tmp_path, "--workers", "1")
    cluster.kubectl("run", "p", "--image=busybox", "--", "sleep", "600")
    cluster.kubectl("wait", "pod/p", "--for=condition=Ready", "--timeout=20s")
    inside = processes_inside(cluster.server_pid)
    assert len(inside) >= 2
    cluster.process.send_signal(how)
    wait_for_ends([cluster.process.pid, *inside])
    assert cluster.process.wait() == (0 if how != signal.SIGKILL else -signal.SIGKILL)
    assert host_state() == before
    assert not json.loads(run("status", "--json", "--state", str(tmp_path)).stdout)["running"]


@pytest.mark.integration
def test_down_stops_it_and_the_next_start_keeps_the_authority(images, tmp_path):
    first = start(tmp_path, "--workers", "1")
    authority = first.kubectl(
        "config", "view", "--raw", "-o", "jsonpath={.clusters[0].cluster.certificate-authority-data}"
    )
    uid = first.get("namespace", "kube-system")["metadata"]["uid"]
    assert run("down", "--state", str(tmp_path)).stdout == "netlab: stopped\n"
    second = start(tmp_path, "--workers", "1")
    again = second.kubectl(
        "config", "view", "--raw", "-o", "jsonpath={.clusters[0].cluster.certificate-authority-data}"
    )
    assert again.stdout == authority.stdout
    assert second.get("namespace", "kube-system")["metadata"]["uid"] != uid
    run("down", "--state", str(tmp_path))
    assert (first.process.wait(), second.process.wait()) == (0, 0)


def test_the_command_line_needs_no_package_to_build_images():
    """The set-up builds them while pip is still at work."""
    path = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r})"
    program = f"{path}; import netlab.cli, netlab.images.build; print('ready to build')"
    alone = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True)
    assert alone.stdout == "ready to build\n", alone.stderr
