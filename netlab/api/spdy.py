"""SPDY/3.1, as much of it as `kubectl port-forward` speaks inside its WebSocket.

A connection is fed bytes and calls back per stream; it writes frames through `send`. No flow control is
used by kubectl. Header blocks come compressed with the dictionary of the SPDY/3 draft.
"""

import struct
import zlib
from collections.abc import Awaitable, Callable

SYN_STREAM, SYN_REPLY, RST_STREAM, PING = 1, 2, 3, 6
FIN = 1
_MOST_HEADERS = 65_536  # bytes of a header block, unpacked
_WORD_LIST = """
options head post put delete trace accept accept-charset accept-encoding accept-language
accept-ranges age allow authorization cache-control connection content-base content-encoding content-language
content-length content-location content-md5 content-range content-type date etag expect expires from host
if-match if-modified-since if-none-match if-range if-unmodified-since last-modified location max-forwards
pragma proxy-authenticate proxy-authorization range referer retry-after server te trailer transfer-encoding
upgrade user-agent vary via warning www-authenticate method get status
"""
_WORDS = [
    *_WORD_LIST.split(),
    "200 OK",
    "version",
    "HTTP/1.1",
    "url",
    "public",
    "set-cookie",
    "keep-alive",
    "origin",
]
_TAIL = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
    "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
    "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
    "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
    "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
    "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(word)) + word.encode() for word in _WORDS) + _TAIL.encode()


class BadFrame(Exception):
    """The bytes are not SPDY/3.1."""


class Connection:
    """`opened(stream, headers, finished)`, `arrived(stream, data, finished)` and `reset(stream)` are
    awaited in the order of the frames."""

    def __init__(
        self,
        send: Callable[[bytes], Awaitable[None]],
        opened: Callable[[int, dict[str, str], bool], Awaitable[None]],
        arrived: Callable[[int, bytes, bool], Awaitable[None]],
        reset: Callable[[int], Awaitable[None]],
    ):
        self._send, self._opened, self._arrived, self._reset = send, opened, arrived, reset
        self._buffer = bytearray()
        self._inflate = zlib.decompressobj(zdict=DICTIONARY)
        self._deflate = zlib.compressobj()

    async def feed(self, data: bytes) -> None:
        """Raises BadFrame."""
        self._buffer += data
        while len(self._buffer) >= 8:
            length = int.from_bytes(self._buffer[5:8], "big")
            if len(self._buffer) < 8 + length:
                return
            frame = bytes(self._buffer[: 8 + length])
            del self._buffer[: 8 + length]
            await self._dispatch(frame[:5], frame[8:])

    async def _dispatch(self, head: bytes, body: bytes) -> None:
        flags = head[4]
        if not head[0] & 0x80:
            await self._arrived(int.from_bytes(head[:4], "big"), body, bool(flags & FIN))
            return
        kind = int.from_bytes(head[2:4], "big")
        if kind == SYN_STREAM:
            stream = int.from_bytes(body[:4], "big") & 0x7FFFFFFF
            await self._opened(stream, self._headers(body[10:]), bool(flags & FIN))
        elif kind == PING:
            await self._control(PING, body)
        elif kind == RST_STREAM:
            await self._reset(int.from_bytes(body[:4], "big") & 0x7FFFFFFF)

    def _headers(self, block: bytes) -> dict[str, str]:
        try:
            raw = self._inflate.decompress(block, _MOST_HEADERS)
            if self._inflate.unconsumed_tail:
                raise BadFrame(f"a header block of more than {_MOST_HEADERS} bytes")
            (count,), at, found = struct.unpack_from(">I", raw), 4, []
            for _ in range(2 * count):
                (length,) = struct.unpack_from(">I", raw, at)
                found.append(raw[at + 4 : at + 4 + length].decode())
                at += 4 + length
        except (zlib.error, struct.error, UnicodeDecodeError) as error:
            raise BadFrame(f"unreadable header block: {error}") from error
        return dict(zip(found[::2], found[1::2], strict=True))

    async def reply(self, stream: int) -> None:
        empty = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        await self._control(SYN_REPLY, struct.pack(">I", stream) + empty)

    async def data(self, stream: int, data: bytes, *, finished: bool = False) -> None:
        head = struct.pack(">II", stream, (FIN if finished else 0) << 24 | len(data))
        await self._send(head + data)

    async def _control(self, kind: int, body: bytes) -> None:
        await self._send(struct.pack(">HHI", 0x8003, kind, len(body)) + body)
