"""Asks all nine pods at once whom they reach: one exec for each pod, kept open, one line for each round."""

import select
import subprocess
import sys
from itertools import count
from pathlib import Path
from random import randrange

from .evaluator import Connection, Pod
from .world import Table, connections, namespace

PROBE = (Path(__file__).parent / "probe.pl").read_text()
# How long silence is listened to: what arrives takes a few milliseconds, on a busy machine more.
_PATIENCE, _MOST_PATIENCE = 250, 2000
_ANSWER_SECONDS = 20
KUBECTL = Path(sys.prefix) / "bin" / "kubectl"


class Undecided(Exception):
    """The round says nothing: the probe itself failed."""


class Prober:
    """Use it as a context; it ends its processes."""

    def __init__(self, kubeconfig: Path, nine: list[Pod]):
        self._nine, self._all = nine, connections(nine)
        self._source_ports = count(randrange(20_000, 30_000))
        self._milliseconds = _PATIENCE
        self._processes = {pod: _start(kubeconfig, pod) for pod in nine}

    def __enter__(self) -> "Prober":
        return self

    def __exit__(self, *_) -> None:
        for process in self._processes.values():
            process.stdin.close()
            process.wait(10)

    def table(self) -> Table:
        """One round. Raises Undecided when a pod does not even reach itself: then silence proves nothing."""
        port = next(self._source_ports)
        for pod, process in self._processes.items():
            targets = " ".join(_text(one) for one in self._all if one.source == pod)
            process.stdin.write(f"{port} {self._milliseconds} {targets}\n".encode())
            process.stdin.flush()
        reached = {pod: set(_answer(process).split()) for pod, process in self._processes.items()}
        seen = frozenset(one for one in self._all if _text(one) in reached[one.source])
        lost = [one for one in self._all if one.source == one.target and one not in seen]
        self._milliseconds = min(2 * self._milliseconds, _MOST_PATIENCE) if lost else _PATIENCE
        if lost:
            raise Undecided(f"no answer from itself: {', '.join(map(_text, lost))}")
        return seen


def _start(kubeconfig: Path, pod: Pod) -> subprocess.Popen:
    where = ["--kubeconfig", str(kubeconfig), "exec", "-i", "-n", namespace(pod.namespace), pod.name]
    command = [str(KUBECTL), *where, "--", "perl", "-e", PROBE]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def _text(one: Connection) -> str:
    return f"{one.target.address}:{one.port}/{one.protocol}"


def _answer(process: subprocess.Popen) -> str:
    line = b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], _ANSWER_SECONDS)
        piece = process.stdout.read(65536) if ready else b""
        assert piece, "the probe's exec has ended or does not answer"
        line += piece
    return line.decode()
