"""Images from registries, fetched by the host: the box has no network but its own.

    server (Puller) ── a name ──> launcher (Desk) ── `netlab image pull NAME` ──> skopeo ──> loaded images
                    <── {"image": the name, "error": why not, or ""} ──

The two share a socket from before the box began, a message for each line above. Which registries may be asked
is the choice of who starts the cluster: what is fetched fills the host's disk, and a registry may be a
machine that only the host reaches.
"""

import asyncio
import contextlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from netlab import linux
from netlab.images import reference

_AT_ONCE = 3
_MOST_WORDS = 2000  # of an error
_MOST_BYTES = 64 << 10  # of a message
_REPOSITORY = Path(__file__).resolve().parents[2]


class PullError(Exception):
    """There is no image of this name to be had; the message ends with skopeo's own words."""


@dataclass(frozen=True)
class Registries:
    """Those that may be asked, as names of images begin with them; a host without a port means any port."""

    names: tuple[str, ...] = ()
    everywhere: bool = False

    @classmethod
    def read(cls, text: str) -> "Registries":
        """`all`, `none`, or names with commas between. Raises ValueError."""
        if text in ("all", "none"):
            return cls(everywhere=text == "all")
        names = tuple(name.strip() for name in text.split(","))
        if wrong := [name for name in names if not reference.is_registry(name)]:
            raise ValueError(f"{wrong[0]!r} is no registry: all, none, or names as in docker.io,ghcr.io")
        return cls(names)

    def refuse(self, image: str) -> str:
        """Why an image with this full name may not be fetched; empty when it may."""
        registry = image.partition("/")[0]
        if self.everywhere or {registry, registry.partition(":")[0]} & {*self.names}:
            return ""
        if self.names:
            return f"netlab pulls from {', '.join(self.names)} only (`--pull` of `netlab up` names them)"
        return "netlab pulls nothing from registries (see `--pull` of `netlab up`, and `netlab image load`)"


class Desk:
    """The host's side: has each image that is asked for pulled by a process of its own, a few at once."""

    def __init__(self, images_dir: Path, registries: Registries):
        self._images_dir, self._registries = images_dir, registries
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._selector = selectors.DefaultSelector()
        self._queue: deque[str] = deque()
        self._pulls: dict[int, tuple[str, subprocess.Popen]] = {}  # by the process's handle

    def serve_until_end_of(self, pid: int) -> None:
        """Blocks; signals are handled meanwhile."""
        self.theirs.close()
        ended = os.pidfd_open(pid)
        self._selector.register(ended, selectors.EVENT_READ, None)
        self._selector.register(self._ours, selectors.EVENT_READ, self._take)
        while True:
            happened = [key for key, _ in self._selector.select()]
            if any(key.fd == ended for key in happened):
                os.close(ended)
                return
            for key in happened:
                key.data(key.fd)

    def close(self) -> None:
        """End what is still being pulled; whoever waits for our children waits for it."""
        self._ours.close()
        for _, process in self._pulls.values():
            process.terminate()

    def _take(self, _fd: int) -> None:
        name = self._ours.recv(_MOST_BYTES).decode()
        if not name:  # the box is about to end
            self._selector.unregister(self._ours)
        elif why := self._refuse(name):
            self._answer(name, why)
        else:
            self._queue.append(name)
            self._begin()

    def _refuse(self, name: str) -> str:
        """The inside is not trusted with what a name is: it becomes a word of a command here."""
        try:
            return self._registries.refuse(name) if reference.full(name) == name else "no full name"
        except reference.InvalidName as error:
            return str(error)

    def _begin(self) -> None:
        while self._queue and len(self._pulls) < _AT_ONCE:
            name = self._queue.popleft()
            pull = [sys.executable, "-m", "netlab", "image", "pull", name]
            process = subprocess.Popen(
                [*pull, "--images-dir", str(self._images_dir)],
                cwd=_REPOSITORY,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                preexec_fn=lambda: linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM),
            )
            handle = os.pidfd_open(process.pid)
            self._pulls[handle] = name, process
            self._selector.register(handle, selectors.EVENT_READ, self._finish)

    def _finish(self, handle: int) -> None:
        self._selector.unregister(handle)
        os.close(handle)
        name, process = self._pulls.pop(handle)
        _, said = process.communicate()
        self._answer(name, said.decode(errors="replace").strip() if process.returncode else "")
        self._begin()

    def _answer(self, name: str, error: str) -> None:
        with contextlib.suppress(OSError):  # the box has ended
            self._ours.send(json.dumps({"image": name, "error": error[-_MOST_WORDS:]}).encode())


class Puller:
    """The box's side: whoever wants the same image shares one pull of it."""

    def __init__(self, connection: socket.socket | None = None, registries: Registries | None = None):
        self._connection, self._registries = connection, registries or Registries()
        self._asked: dict[str, asyncio.Future[str]] = {}

    def listen(self) -> None:
        """On the running loop."""
        if self._connection:
            self._connection.setblocking(False)
            asyncio.get_running_loop().add_reader(self._connection, self._hear)

    def refuse(self, image: str) -> str:
        return self._registries.refuse(image)

    async def pull(self, image: str) -> None:
        """Return when the host has the image. Raises PullError."""
        if image not in self._asked:
            self._ask(image)
        if error := await asyncio.shield(self._asked[image]):
            raise PullError(error)

    def _ask(self, image: str) -> None:
        try:
            self._connection.send(image.encode())
        except OSError as error:
            raise PullError(f"the host cannot be asked: {error}") from error
        self._asked[image] = asyncio.get_running_loop().create_future()

    def _hear(self) -> None:
        said = self._connection.recv(_MOST_BYTES)
        if not said:
            asyncio.get_running_loop().remove_reader(self._connection)
            return
        answer = json.loads(said)
        self._asked.pop(answer["image"]).set_result(answer["error"])
