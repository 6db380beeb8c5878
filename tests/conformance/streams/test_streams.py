"""exec, attach, cp, logs, port-forward and debug, as kubectl's user meets them."""

import hashlib
import json
import os
import pty
import re
import select
import socket
import subprocess
from contextlib import contextmanager

import pytest

from tests.conformance.worlds import IMAGE, KUBECTL, eventually, new_world, pod

pytestmark = pytest.mark.integration

_TALK = "for i in $(seq 5); do echo line $i; done; sleep 3600"
_SERVE = "exec socat TCP-LISTEN:8080,fork,reuseaddr EXEC:cat"
_ECHO = ("sh", "-c", "while read line; do echo heard $line; done")
MEGABYTES = 3_000_000


@pytest.fixture(scope="module")
def world(kubeconfig):
    with new_world(kubeconfig, "streams") as made:
        made.apply(
            pod("box", "bash", "-c", _SERVE),
            pod("talker", "bash", "-c", _TALK),
            pod("listener", *_ECHO, stdin=True),
        )
        made.ready("box", "talker", "listener")
        yield made


def command(world, *args: str) -> list[str]:
    return [KUBECTL, "--kubeconfig", str(world.kubeconfig), "-n", world.namespace, *args]


@pytest.mark.parametrize("code", [0, 1, 7, 255])
def test_exec_ends_with_the_commands_own_code(world, code):
    assert world.attempt("exec", "box", "--", "sh", "-c", f"exit {code}").returncode == code


def test_output_and_errors_are_kept_apart(world):
    done = world.attempt("exec", "box", "--", "sh", "-c", "echo out; echo err >&2")
    assert (done.stdout, done.stderr) == ("out\n", "err\n")


def test_a_command_that_is_not_there_is_told(world):
    assert re.search("executable file.* not found", world.refusal("exec", "box", "--", "nosuch"))


def test_the_end_of_stdin_arrives(world):
    assert world.run("box", "sort", stdin="b\na\n") == "a\nb\n"


def test_megabytes_pass_whole_both_ways(world):
    sent = os.urandom(MEGABYTES)
    done = subprocess.run(
        command(world, "exec", "-i", "box", "--", "cat"), input=sent, capture_output=True, timeout=60
    )
    assert hashlib.sha256(done.stdout).digest() == hashlib.sha256(sent).digest()


def test_a_terminal_is_given_and_has_the_size_of_ours(world):
    ours, theirs = pty.openpty()
    os.set_blocking(ours, False)
    size = subprocess.run(["stty", "rows", "33", "cols", "101"], stdin=theirs)
    assert size.returncode == 0
    script = "test -t 0 && until [ \"$(stty size)\" = '33 101' ]; do :; done && stty size"
    run = command(world, "exec", "-it", "box", "--", "timeout", "10", "bash", "-c", script)
    done = subprocess.run(run, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE, timeout=30)
    assert (done.returncode, b"33 101" in os.read(ours, 4096)) == (0, True)


def test_attach_speaks_with_the_running_process(world):
    attached = subprocess.Popen(
        command(world, "attach", "-i", "listener"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    attached.stdin.write("hello\n")
    assert attached.stdout.readline() == "heard hello\n"
    attached.terminate()
    attached.wait(10)
    assert world.kubectl("logs", "listener") == "heard hello\n"


def test_files_are_copied_there_and_back(world, tmp_path):
    sent, back = tmp_path / "sent", tmp_path / "back"
    sent.write_bytes(os.urandom(100_000))
    world.kubectl("cp", str(sent), "box:/tmp/there")
    world.kubectl("cp", "box:/tmp/there", str(back))
    assert back.read_bytes() == sent.read_bytes()


@contextmanager
def forwarding(world, port: int):
    """The local port that leads to one of `box`."""
    run = command(world, "port-forward", "box", f":{port}")
    with subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as forwarder:
        try:
            yield int(re.search(r"127\.0\.0\.1:(\d+)", forwarder.stdout.readline())[1])
        finally:
            forwarder.terminate()


def talk(connection: socket.socket, said: bytes) -> bytes:
    connection.sendall(said)
    return connection.recv(100)


def test_a_forwarded_port_carries_several_connections(world):
    with forwarding(world, 8080) as port:
        several = [socket.create_connection(("127.0.0.1", port), timeout=10) for _ in range(3)]
        heard = [talk(one, b"number %d" % number) for number, one in enumerate(several)]
        assert heard == [b"number 0", b"number 1", b"number 2"]
        for one in several:
            one.close()


def test_a_forwarded_port_where_nobody_listens_closes_the_connection(world):
    with forwarding(world, 9) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as one:
        try:
            assert one.recv(100) == b""
        except ConnectionResetError:
            pass


def test_logs_give_the_end_and_the_times(world):
    eventually(lambda: world.kubectl("logs", "talker").count("\n"), 5)
    assert world.kubectl("logs", "talker", "--tail=2") == "line 4\nline 5\n"
    assert world.kubectl("logs", "talker", "--limit-bytes=9") == "line 1\nli"
    assert world.kubectl("logs", "talker", "--since=1h").count("\n") == 5
    lines = world.kubectl("logs", "talker", "--timestamps").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d+\S+ line \d", line) for line in lines)


def test_followed_logs_come_as_they_are_written(world):
    follow = subprocess.Popen(command(world, "logs", "-f", "talker"), stdout=subprocess.PIPE, text=True)
    assert [follow.stdout.readline() for _ in range(5)][-1] == "line 5\n"
    world.run("talker", "sh", "-c", "echo later > /proc/1/fd/1")
    ready, _, _ = select.select([follow.stdout], [], [], 20)
    assert ready and follow.stdout.readline() == "later\n"
    follow.terminate()
    follow.wait(10)


@pytest.mark.whole
def test_the_log_of_the_container_before_is_kept(world):
    script = "test -e /there/seen && exec sleep 3600; touch /there/seen; echo first life; exit 1"
    volumes = {"volumes": [{"name": "there", "emptyDir": {}}]}
    mounts = [{"name": "there", "mountPath": "/there"}]
    world.apply(pod("twice", "bash", "-c", script, spec=volumes, volumeMounts=mounts))
    restarts = ("get", "pod", "twice", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
    eventually(lambda: world.kubectl(*restarts), "1")
    world.ready("twice")
    assert world.kubectl("logs", "twice", "--previous") == "first life\n"


def test_a_debug_container_sees_the_processes_of_its_target(world):
    debug = ("debug", "box", f"--image={IMAGE}", "--target=main", "-c", "eye", "--", "sleep", "3600")
    world.kubectl(*debug)
    running = "--for=jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}"
    world.kubectl("wait", running, "pod/box", "--timeout=60s")
    seen = world.kubectl("exec", "box", "-c", "eye", "--", "cat", "/proc/1/cmdline")
    assert seen.split("\0")[0] == "socat"
    (container,) = json.loads(world.kubectl("get", "pod", "box", "-o", "json"))["spec"]["ephemeralContainers"]
    assert container["targetContainerName"] == "main"
