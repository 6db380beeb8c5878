"""A real netlab for the tests that need one: started once, stopped at the end, and nothing may be left."""

import json
import os
import re
import select
import signal
import subprocess
import sys
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from deploy.local.lifeline import tie
from tests.host import mounts

_COMMAND = [sys.executable, "-m", "netlab"]
_SECONDS_TO_START = 180
_serial = count(1)
_REPOSITORY = Path(__file__).parents[2]
_KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")


@dataclass
class Cluster:
    """A running `python -m netlab up` and the kubectl that speaks to it."""

    process: subprocess.Popen
    state: Path
    program: str = _KUBECTL

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def server_pid(self) -> int:
        """The host's pid of the first process inside: the keeper's only child."""
        keeper = _only_child(self.process.pid)
        return _only_child(keeper)

    def kubectl(self, *args: str, stdin: str = "", ok: bool = True) -> subprocess.CompletedProcess:
        """Run kubectl; with `ok` a failure fails the test with what kubectl said."""
        done = subprocess.run(
            [_KUBECTL, "--kubeconfig", str(self.kubeconfig), *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "HOME": str(self.state)},
        )
        assert not ok or done.returncode == 0, f"kubectl {' '.join(args)}: {done.stderr}"
        return done

    def apply(self, *objects: dict) -> None:
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(one) for one in objects))

    def get(self, *args: str) -> dict:
        return json.loads(self.kubectl("get", *args, "-o", "json").stdout)

    def exec(self, pod: str, *argv: str, stdin: str = "", ok: bool = True) -> subprocess.CompletedProcess:
        flags = ["-i"] if stdin else []
        return self.kubectl("exec", *flags, pod, "--", *argv, stdin=stdin, ok=ok)

    def wait(self, what: str, condition: str, seconds: int = 20) -> None:
        self.kubectl("wait", f"--for={condition}", what, f"--timeout={seconds}s")


def start(state: Path, *options: str, images: Path | None = None) -> Cluster:
    """Start a cluster on a free port and return when every node is Ready. It ends with this process."""
    where = ["--images-dir", str(images)] if images else []
    command = [*_COMMAND, "up", "--state", str(state), "--port", "0", *where, *options]
    with (state / "log").open("w") as log:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=_REPOSITORY,
            preexec_fn=tie,
        )
    told = select.select([process.stdout], [], [], _SECONDS_TO_START)[0]
    assert told and "Ready" in process.stdout.readline(), (state / "log").read_text()
    return Cluster(process, state)


def processes_inside(server_pid: int) -> list[int]:
    """Host pids of all processes in the pid namespace of the server or below it."""
    wanted = os.stat(f"/proc/{server_pid}/ns/user").st_ino
    return [
        int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit() and _user_ns(path) == wanted
    ]


def _user_ns(process: Path) -> int | None:
    try:
        return os.stat(process / "ns/user").st_ino
    except OSError:
        return None


def _only_child(pid: int) -> int:
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(child)


def host_state() -> dict:
    """What of the host netlab must leave alone."""
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    rules = subprocess.run(["iptables-save"], capture_output=True, text=True).stdout
    plain = [line for line in rules.splitlines() if not line.startswith("#")]
    return {"links": links.split(), "mounts": mounts(), "rules": plain}


@pytest.fixture(scope="session")
def images() -> None:
    """The root filesystems, built when they are missing (a minute, once for each machine)."""
    subprocess.run([*_COMMAND, "image", "build"], check=True, stdout=subprocess.DEVNULL, cwd=_REPOSITORY)


@pytest.fixture(scope="session")
def netlab(images, tmp_path_factory):
    before = host_state()
    state = tmp_path_factory.mktemp("netlab")
    # Above a temporary directory of pytest's own mode 0700 the cluster opens its way by itself.
    cluster = start(state, "--pull", "localhost")
    inside = processes_inside(cluster.server_pid)
    assert host_state() == before
    yield cluster
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0, (state / "log").read_text()
    assert not [pid for pid in inside if Path(f"/proc/{pid}").exists()]
    assert host_state() == before


@pytest.fixture
def namespace(netlab, request):
    """A namespace of the test's own; its objects go with it."""
    words = re.findall("[a-z0-9]+", request.node.name.lower())
    name = f"{'-'.join(words)[:50].strip('-')}-{next(_serial)}"
    netlab.kubectl("create", "namespace", name)
    yield name
    netlab.kubectl("delete", "namespace", name, "--wait=false")
