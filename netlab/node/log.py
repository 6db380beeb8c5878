"""What a container wrote, the newest few megabytes of it, with the time each piece came.

Kept in memory: netlab's files would lie in memory too, and nothing outlives the cluster. Readers that
follow hold a position; one that falls behind what was dropped goes on with the oldest piece kept.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

STDOUT, STDERR = 1, 2
LIMIT = 4 * 1024 * 1024
_PIECE_COST = 150  # bytes the bookkeeping of one piece takes


@dataclass(frozen=True, slots=True)
class Piece:
    nanoseconds: int
    stream: int
    data: bytes


class Log:
    def __init__(self):
        self._pieces: deque[Piece] = deque()
        self._size = 0
        self._dropped = 0
        self._ended = False
        self._waiting: list[asyncio.Future] = []

    def append(self, stream: int, data: bytes) -> None:
        self._pieces.append(Piece(time.time_ns(), stream, data))
        self._size += len(data) + _PIECE_COST
        while self._size > LIMIT:
            self._size -= len(self._pieces.popleft().data) + _PIECE_COST
            self._dropped += 1
        self._wake()

    def end(self) -> None:
        self._ended = True
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(None)

    def pieces(self) -> list[Piece]:
        return list(self._pieces)

    def tail(self, size: int) -> str:
        """The last bytes as text, for a termination message."""
        return b"".join(piece.data for piece in self._pieces)[-size:].decode(errors="replace")

    @property
    def position(self) -> int:
        """Where the next piece will stand."""
        return self._dropped + len(self._pieces)

    async def follow(self, position: int) -> AsyncIterator[Piece]:
        """Every piece from `position` on, until the container has ended."""
        while True:
            position = max(position, self._dropped)
            while position < self.position:
                yield self._pieces[position - self._dropped]
                position = max(position + 1, self._dropped)
            if self._ended:
                return
            change = asyncio.get_running_loop().create_future()
            self._waiting.append(change)
            await change


@dataclass(frozen=True)
class Options:
    """As in a request for logs; `since` is seconds since 1970."""

    follow: bool = False
    tail: int | None = None
    since: float | None = None
    timestamps: bool = False
    limit: int | None = None


async def read(log: Log, options: Options) -> AsyncIterator[bytes]:
    left = options.limit if options.limit is not None else float("inf")
    lines = _Lines(options.timestamps)
    async for piece in _chosen(log, options):
        data = lines.mark(piece)[: int(min(left, 1 << 62))]
        left -= len(data)
        if data:
            yield data
        if left <= 0:
            return


async def _chosen(log: Log, options: Options) -> AsyncIterator[Piece]:
    since = int((options.since or 0) * 1e9)
    known = [piece for piece in log.pieces() if piece.nanoseconds >= since]
    position = log.position
    for piece in _last_lines(known, options.tail):
        yield piece
    if options.follow:
        async for piece in log.follow(position):
            yield piece


def _last_lines(pieces: list[Piece], count: int | None) -> Iterable[Piece]:
    if count is None:
        return pieces
    if count == 0 or not pieces:
        return []
    # Lines begin after a newline; one at the very end begins nothing.
    newlines = count + pieces[-1].data.endswith(b"\n")
    kept: list[Piece] = []
    for piece in reversed(pieces):
        cut = len(piece.data)
        while newlines and (cut := piece.data.rfind(b"\n", 0, cut)) >= 0:
            newlines -= 1
        kept.append(Piece(piece.nanoseconds, piece.stream, piece.data[cut + 1 :]))
        if not newlines:
            break
    return reversed(kept)


class _Lines:
    """Puts the time before each line that begins, also when lines come in several pieces."""

    def __init__(self, wanted: bool):
        self._wanted = wanted
        self._at_start = {STDOUT: True, STDERR: True}

    def mark(self, piece: Piece) -> bytes:
        if not self._wanted:
            return piece.data
        stamp = _rfc3339(piece.nanoseconds).encode() + b" "
        out = bytearray()
        for line in piece.data.splitlines(keepends=True):
            out += stamp + line if self._at_start[piece.stream] else line
            self._at_start[piece.stream] = line.endswith(b"\n")
        return bytes(out)


def _rfc3339(nanoseconds: int) -> str:
    whole = datetime.fromtimestamp(nanoseconds // 10**9, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{whole}.{nanoseconds % 10**9:09d}Z"
