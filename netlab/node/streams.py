"""The two ends a client can hold of something that runs in a container.

`ExecProcess` is a process of its own (kubectl exec); `Attachment` watches the container's main process.
Both are read by pulling: nothing is taken from the container before the client asks for more, so a slow
client slows the process down instead of filling memory.
"""

import asyncio
import fcntl
import logging
import os
import struct
import termios
from collections import deque
from typing import Protocol

from netlab.node.outputs import Outputs
from netlab.node.processes import write_all

_log = logging.getLogger(__name__)
_DISCARD_PAUSE = 0.05  # after release: some 1.3 MB/s, so that a forgotten flood costs little
_LAST_WORDS = 2.0
_END_OF_TRANSMISSION = b"\x04"


class ExecError(Exception):
    """The process could not be started; the message is the runtime's own."""


class Process(Protocol):
    async def read(self) -> tuple[int, bytes] | None:
        """The next bytes with their channel (1 stdout, 2 stderr); None after the last."""

    async def write(self, data: bytes) -> None:
        """Feed stdin; waits while the process does not read. What a closed stdin gets is dropped."""

    async def close_stdin(self) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    async def wait(self) -> int:
        """The exit code, 128 + signal for a process that was killed."""

    async def release(self) -> None:
        """The client has gone. The process goes on, as under a real kubelet."""


class ExecProcess:
    def __init__(
        self, ended: asyncio.Future[int], *, stdin: int | None, stdout: int, stderr: int | None, tty: bool
    ):
        self._ended: asyncio.Future[int] = ended
        self._stdin, self._tty = stdin, tty
        self._outputs = Outputs(stdout, stderr)
        self._master = stdout if tty else None
        self._drain: asyncio.Task | None = None

    async def read(self) -> tuple[int, bytes] | None:
        while self._outputs:
            ended = self._ended.done()  # asked before reading: what is unread now was written before the end
            if found := self._outputs.read_now():
                return found
            if ended or not self._outputs:
                break
            await self._readable_or_ended()
        self._close()
        return None

    async def _readable_or_ended(self) -> None:
        output = asyncio.create_task(self._outputs.readable())
        either: set[asyncio.Future] = {output, self._ended}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            output.cancel()
            await asyncio.gather(output, return_exceptions=True)

    async def write(self, data: bytes) -> None:
        target = self._input()
        if target is None:
            return
        try:
            await write_all(target, data)
        except OSError:
            self._close_stdin()

    def _input(self) -> int | None:
        return self._master if self._tty and self._outputs else self._stdin

    async def close_stdin(self) -> None:
        if self._tty:
            await self.write(_END_OF_TRANSMISSION)
        else:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    def resize(self, width: int, height: int) -> None:
        if self._tty and self._outputs:
            set_terminal_size(self._master, width, height)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def release(self) -> None:
        if self._drain is None and self._outputs:
            self._drain = asyncio.create_task(self._discard(), name="discard exec output")
        elif not self._outputs:
            self._close()

    async def _discard(self) -> None:
        """Keep the pipes open and flowing, so that the process meets neither SIGPIPE nor a full pipe."""
        self._close_stdin()
        while await self.read():  # noqa: ASYNC110 - the sleep is a brake, not a wait
            await asyncio.sleep(_DISCARD_PAUSE)

    def _close(self) -> None:
        self._outputs.close()
        self._close_stdin()


def set_terminal_size(fd: int, width: int, height: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", height & 0xFFFF, width & 0xFFFF, 0, 0))


class _Viewer:
    """What an attached client has not read yet: a few pieces, then the container has to wait."""

    _PIECES = 8

    def __init__(self):
        self._pieces: deque = deque()
        self._news, self.room = asyncio.Event(), asyncio.Event()
        self.room.set()

    def add(self, piece: tuple[int, bytes] | None) -> None:
        self._pieces.append(piece)
        self._news.set()
        if len(self._pieces) >= self._PIECES:
            self.room.clear()

    async def take(self) -> tuple[int, bytes] | None:
        while not self._pieces:
            self._news.clear()
            await self._news.wait()
        piece = self._pieces.popleft()
        if len(self._pieces) < self._PIECES:
            self.room.set()
        return piece


class MainStreams:
    """The stdio of a container's main process: pumped into its log and to whoever is attached."""

    _RATE = 16 * 1024 * 1024  # bytes/s one container may log; more than that waits in the container

    def __init__(
        self, log, *, stdin: int | None, stdout: int, stderr: int | None, tty: bool, stdin_once: bool
    ):
        self.log, self.tty, self.stdin, self.stdin_once = log, tty, stdin, stdin_once
        self._master = stdout if tty else None
        self._viewers: list[_Viewer] = []
        self._process_ended = False
        self._outputs = Outputs(stdout, stderr, keep_open=tty)  # a terminal is written to until the end
        self._pump = asyncio.create_task(self._pump_out(), name="container output")

    async def _pump_out(self) -> None:
        try:
            while piece := await self._outputs.read():
                self.log.append(*piece)
                for viewer in list(self._viewers):
                    if not self._process_ended:
                        await viewer.room.wait()
                    viewer.add(piece)
                await asyncio.sleep(0 if self._process_ended else len(piece[1]) / self._RATE)
        finally:
            self._outputs.close()

    async def finish(self) -> None:
        """The process has ended: read what is left (a pipe's worth), waiting for no client; give all back."""
        self._process_ended = True
        for viewer in self._viewers:
            viewer.room.set()
        # What a debugger left running among its target's processes may hold the output open for ever.
        await asyncio.wait({self._pump}, timeout=_LAST_WORDS)
        self._pump.cancel()
        (fault,) = await asyncio.gather(self._pump, return_exceptions=True)
        if isinstance(fault, Exception):
            _log.error("the output of a container was lost", exc_info=fault)
        self.log.end()
        for viewer in self._viewers:
            viewer.add(None)
        self.close_stdin()
        if self._master is not None:
            os.close(self._master)
            self._master = None

    def subscribe(self) -> _Viewer:
        viewer = _Viewer()
        self._viewers.append(viewer)
        return viewer

    def unsubscribe(self, viewer: _Viewer) -> None:
        if viewer in self._viewers:
            self._viewers.remove(viewer)
        viewer.room.set()  # the pump may be waiting for it

    async def write(self, data: bytes) -> None:
        target = self._master if self.tty else self.stdin
        if target is None:
            return
        try:
            await write_all(target, data)
        except OSError:
            self.close_stdin()

    def close_stdin(self) -> None:
        if self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def resize(self, width: int, height: int) -> None:
        if self._master is not None:
            set_terminal_size(self._master, width, height)


class Attachment:
    """A client's view of a running container's own stdio."""

    def __init__(self, streams: MainStreams, ended: asyncio.Future[int], *, stdin: bool):
        self._streams, self._ended, self._stdin = streams, ended, stdin
        self.viewer = streams.subscribe()
        self._over = False

    async def read(self) -> tuple[int, bytes] | None:
        if self._over:
            return None
        piece = await self.viewer.take()
        self._over = piece is None
        return piece

    async def write(self, data: bytes) -> None:
        if self._stdin:
            await self._streams.write(data)

    async def close_stdin(self) -> None:
        if self._stdin and self._streams.tty:
            await self._streams.write(_END_OF_TRANSMISSION)
        elif self._stdin and self._streams.stdin_once:
            self._streams.close_stdin()

    def resize(self, width: int, height: int) -> None:
        self._streams.resize(width, height)

    async def wait(self) -> int:
        return await asyncio.shield(self._ended)

    async def release(self) -> None:
        self._streams.unsubscribe(self.viewer)
        if self._stdin and self._streams.stdin_once and not self._streams.tty:
            self._streams.close_stdin()
