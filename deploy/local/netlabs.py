"""Start and end netlabs of their own, for lab sessions that need a whole cluster.

    netlabs.py --folder FOLDER --count N [--owner UID:GID] [--pull REGISTRIES]

netlab's launcher may need root, and the portal has given root up: so this small process, kept by
`restarter.py`, starts them for it. It is told on a socket what is wanted, and nothing else: for each
of N places either nothing or a word (a session's id). A netlab is ended as soon as its word is wanted no
more; another word at its place means a new one. All end with this process.
"""

import argparse
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.drop import Ids  # noqa: E402
from deploy.local.lifeline import tie  # noqa: E402

SOCKET = "netlabs.sock"
SECONDS_TO_ASK, SECONDS_TO_END = 5, 15
LONGEST_QUESTION = 4096
_WORD = re.compile(r"[0-9a-f-]{1,40}", re.ASCII)


class Unclear(ValueError):
    """The question is none; the text says why."""


@dataclass
class Netlab:
    word: str
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def is_ready(self) -> bool:
        try:
            return bool(json.loads((self.folder / "run.json").read_text())["ready"])
        except (OSError, ValueError, KeyError):
            return False

    def state(self) -> str:
        if self.process.poll() is not None:
            return "ended"
        return "ready" if self.is_ready else "starting"


class Netlabs:
    """The netlabs that run, by place."""

    def __init__(self, folder: Path, count: int, owner: Ids | None, pull: str):
        self.folder, self.count, self.owner, self.pull = folder, count, owner, pull
        self._running: dict[str, Netlab] = {}

    def want(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Make it so, and tell the state of each: starting, ready or ended. Starting is not waited for."""
        surplus = [place for place, netlab in self._running.items() if wanted.get(place) != netlab.word]
        self._end(surplus)
        for place, word in wanted.items():
            if place not in self._running:
                self._running[place] = self._start(place, word)
        return {place: netlab.state() for place, netlab in self._running.items()}

    def end_all(self) -> None:
        self._end(list(self._running))

    def _end(self, places: list[str]) -> None:
        ending = [self._running.pop(place).process for place in places]
        for process in ending:
            if process.poll() is None:
                process.terminate()
        for process in ending:
            try:
                process.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _start(self, place: str, word: str) -> Netlab:
        folder = self.folder / place
        folder.mkdir(mode=0o755, exist_ok=True)
        for name in ("run.json", "kubeconfig"):  # an older one's would say "ready", at another port
            (folder / name).unlink(missing_ok=True)
        command = [sys.executable, "-m", "netlab", "up", "--state", str(folder), "--port", "0"]
        command += ["--pull", self.pull]
        command += ["--owner", str(self.owner)] if self.owner else []
        with (folder / "netlab.log").open("wb") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tie,
                cwd=PROJECT,
            )
        return Netlab(word, folder, process)


def read_question(data: bytes, count: int) -> dict[str, str]:
    """{"1": word, ...} of JSON. Raises Unclear: who asks is not root, and must not say more than this."""
    try:
        asked = json.loads(data)
    except ValueError as error:
        raise Unclear(f"this is no JSON: {error}") from None
    if not isinstance(asked, dict):
        raise Unclear("a mapping of places to words is expected")
    places = {str(place) for place in range(1, count + 1)}
    for place, word in asked.items():
        if place not in places:
            raise Unclear(f"there is no place {place!r}; there are {count}")
        if not isinstance(word, str) or not _WORD.fullmatch(word):
            raise Unclear("a word is made of hexadecimal digits and hyphens")
    return asked


@contextlib.contextmanager
def listening(folder: Path, owner: Ids | None) -> Iterator[socket.socket]:
    """A socket in the folder, for the owner only."""
    with socket.socket(socket.AF_UNIX) as server:
        os.chdir(folder)  # the path may be too long for a socket, its name is not
        Path(SOCKET).unlink(missing_ok=True)
        old = os.umask(0o177)
        server.bind(SOCKET)
        os.umask(old)
        if owner:
            os.chown(SOCKET, owner.uid, owner.gid)
        server.listen()
        try:
            yield server
        finally:
            Path(SOCKET).unlink(missing_ok=True)


def answer(connection: socket.socket, netlabs: Netlabs) -> None:
    """One line in, one line out; an asker who is slow or gone is left."""
    connection.settimeout(SECONDS_TO_ASK)
    with connection, contextlib.suppress(OSError):
        data = connection.makefile("rb").readline(LONGEST_QUESTION)
        try:
            told: dict[str, object] = {"states": netlabs.want(read_question(data, netlabs.count))}
        except Unclear as error:
            told = {"error": str(error)}
        connection.sendall(json.dumps(told).encode() + b"\n")


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--owner", type=Ids.parse)
    parser.add_argument("--pull", default="none", help="which registries their pods may get images from")
    wanted = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _tell)
    netlabs = Netlabs(wanted.folder, wanted.count, wanted.owner, wanted.pull)
    with listening(wanted.folder, wanted.owner) as server:
        try:
            while True:
                answer(server.accept()[0], netlabs)
        finally:
            netlabs.end_all()


def _tell(number: int, frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
