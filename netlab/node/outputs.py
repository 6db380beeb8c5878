"""The output pipes of a process, read in the order in which they became readable.

Two pipes carry no common order: who asks stdout first sees it first, whatever was written before. But the
kernel knows it: an edge-triggered epoll keeps its descriptors in the order in which they woke. After a read
that leaves a pipe empty, what is written next wakes it again, behind the other.
"""

import os
import select

from netlab.node.log import STDERR, STDOUT
from netlab.node.processes import readable

_CHUNK = 65536


class Outputs:
    """Closes each descriptor at its end; with `keep_open` it only forgets them."""

    def __init__(self, stdout: int, stderr: int | None, *, keep_open: bool = False):
        # stderr first: it precedes when both are ready already.
        self._channels = {stdout: STDOUT} if stderr is None else {stderr: STDERR, stdout: STDOUT}
        self._is_terminal, self._keep_open = stderr is None, keep_open
        self._ready: dict[int, bool] = {}  # in the order of waking; whether the other end is closed
        self._epoll = select.epoll()
        for fd in self._channels:
            os.set_blocking(fd, False)
            self._epoll.register(fd, select.EPOLLIN | select.EPOLLET)

    def __bool__(self) -> bool:
        """Whether there may be more to read."""
        return bool(self._channels)

    def read_now(self) -> tuple[int, bytes] | None:
        """The next bytes with their channel; None when there are none now."""
        self._note_woken()
        while self._ready:
            fd = next(iter(self._ready))
            data, is_closed, channel = _read(fd), self._ready.pop(fd), self._channels[fd]
            if data == b"":
                self._drop(fd)
            elif data:
                if is_closed or self._is_terminal or len(data) == _CHUNK:  # there may be more without a wake
                    self._ready.setdefault(fd, is_closed)
                self._note_woken()
                return channel, data
        return None

    def _note_woken(self) -> None:
        for fd, events in self._epoll.poll(0, 2) if self._channels else ():
            self._ready[fd] = self._ready.get(fd, False) or bool(events & select.EPOLLHUP)

    async def readable(self) -> None:
        """Wait until `read_now` has something to find."""
        if not self._ready:
            await readable(self._epoll.fileno())

    async def read(self) -> tuple[int, bytes] | None:
        """The next bytes with their channel; None after the last."""
        while self._channels:
            if piece := self.read_now():
                return piece
            if self._channels:
                await self.readable()
        return None

    def _drop(self, fd: int) -> None:
        self._epoll.unregister(fd)
        del self._channels[fd]
        if not self._keep_open:
            os.close(fd)
        if not self._channels:
            self._epoll.close()

    def close(self) -> None:
        for fd in list(self._channels):
            self._drop(fd)


def _read(fd: int) -> bytes | None:
    """None when there is nothing now, b"" at the end."""
    try:
        return os.read(fd, _CHUNK)
    except BlockingIOError:
        return None
    except OSError:  # EIO: the last user of a terminal has closed it
        return b""
