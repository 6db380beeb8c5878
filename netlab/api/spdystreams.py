"""exec and attach over raw SPDY/3.1: what kubectl before 1.31 and several test suites speak.

The client upgrades the connection, then opens one stream for each of error, stdin, stdout, stderr and resize
that the request asks for; the process starts when all are there. Its end goes out as a Status on `error`.
"""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from aiohttp import web

from netlab.node.streams import ExecError, Process

from . import status, streams
from .rendering import dump
from .request import Call
from .spdy import BadFrame, Connection

PROTOCOL = "v4.channel.k8s.io"
_CHUNK = 32 * 1024
_MOST_WAITING = 8  # pieces from the client that the process has not taken
_OPEN_SECONDS = 30
_SWITCHING = (
    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
    "X-Stream-Protocol-Version: {}\r\n\r\n"
)


def is_asked(call: Call) -> bool:
    return call.http.headers.get("Upgrade", "").lower() == "spdy/3.1"


async def run(call: Call, start) -> web.StreamResponse:
    """Upgrade, start the process with `await start()` and carry its streams. Raises ApiError."""
    inbox = upgrade(call, PROTOCOL)
    session = _Session(call)
    reading = asyncio.create_task(session.read(inbox), name="spdy client to process")
    try:
        await session.serve(start, reading)
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        call.http.transport.close()
    return Upgraded()


def upgrade(call: Call, protocol: str) -> "Inbox":
    """Make the connection SPDY's; what comes in is in the inbox. Raises ApiError."""
    offered = ",".join(call.http.headers.getall("X-Stream-Protocol-Version", []))
    if protocol not in [name.strip() for name in offered.split(",")]:
        raise status.bad_request(
            f"netlab speaks {protocol} over SPDY, the client offers: {offered or 'none'}"
        )
    inbox = Inbox(call.http.transport)
    call.http.protocol.set_parser(inbox)  # type: ignore[arg-type]  # any object with these two methods will do
    call.http.transport.write(_SWITCHING.format(protocol).encode())
    return inbox


async def send(call: Call, data: bytes) -> None:
    transport = call.http.transport
    if transport is None or transport.is_closing():
        raise ConnectionResetError
    transport.write(data)
    await call.http.writer.drain()


class Upgraded(web.StreamResponse):
    """The answer has gone out already, and the connection with it."""

    async def prepare(self, request):
        return None

    async def write_eof(self, data=b""):
        return None


class Inbox:
    """The bytes of the connection, once aiohttp's own parser has been taken off it."""

    def __init__(self, transport: asyncio.Transport):
        self._transport = transport
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        self._pieces.put_nowait(bytes(data))
        if self._pieces.qsize() >= _MOST_WAITING:
            self._transport.pause_reading()
        return False, b""

    def feed_eof(self) -> None:
        self._pieces.put_nowait(b"")

    async def pieces(self) -> AsyncIterator[bytes]:
        while piece := await self._pieces.get():
            if self._pieces.qsize() < _MOST_WAITING and not self._transport.is_closing():
                self._transport.resume_reading()
            yield piece


class _Session:
    def __init__(self, call: Call):
        self._call = call
        self._spdy = Connection(partial(send, call), self._opened, self._arrived, self._reset)
        self._wanted = {"error"} | {name for name in ("stdin", "stdout", "stderr") if call.flag(name)}
        if call.flag("tty"):
            self._wanted = (self._wanted - {"stderr"}) | {"resize"}
        self._streams: dict[str, int] = {}
        self._complete = asyncio.Event()
        self._process: asyncio.Future[Process] = asyncio.get_running_loop().create_future()

    async def read(self, inbox: Inbox) -> None:
        async for data in inbox.pieces():
            try:
                await self._spdy.feed(data)
            except BadFrame:
                return

    async def serve(self, start, reading: asyncio.Task) -> None:
        complete = asyncio.create_task(self._complete.wait())
        await asyncio.wait({complete, reading}, timeout=_OPEN_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        complete.cancel()
        if not self._complete.is_set():
            return
        try:
            process = await start()
        except ExecError as error:
            await self._end(streams.cannot_start(str(error)))
            return
        self._process.set_result(process)
        try:
            await self._carry(process, reading)
        finally:
            await process.release()

    async def _carry(self, process: Process, reading: asyncio.Task) -> None:
        """Over when the process has ended or the client has gone."""
        writing = asyncio.create_task(self._write(process), name="spdy process to client")
        try:
            await asyncio.wait({writing, reading}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done() and not writing.exception():
                await self._end(streams.exit_status(await process.wait()))
        finally:
            writing.cancel()
            await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, process: Process) -> None:
        names = {streams.STDOUT: "stdout", streams.STDERR: "stderr"}
        while piece := await process.read():
            stream = self._streams.get(names[piece[0]])
            for at in range(0, len(piece[1]) if stream else 0, _CHUNK):
                await self._spdy.data(stream, piece[1][at : at + _CHUNK])

    async def _end(self, said: dict) -> None:
        await self._spdy.data(self._streams["error"], dump(said), finished=True)
        for name in ("stdout", "stderr"):
            if name in self._streams:
                await self._spdy.data(self._streams[name], b"", finished=True)

    async def _opened(self, stream: int, headers: dict[str, str], finished: bool) -> None:
        await self._spdy.reply(stream)
        self._streams[headers.get("streamtype", "")] = stream
        if self._wanted <= set(self._streams):
            self._complete.set()

    async def _arrived(self, stream: int, data: bytes, finished: bool) -> None:
        if stream == self._streams.get("stdin"):
            process = await self._process
            if data:
                await process.write(data)
            if finished:
                await process.close_stdin()
        elif stream == self._streams.get("resize") and data:
            streams.resize(await self._process, data)

    async def _reset(self, stream: int) -> None:
        if stream == self._streams.get("stdin"):
            await (await self._process).close_stdin()
