"""port-forward: TCP connections into a pod, through one WebSocket or one SPDY connection.

kubectl speaks SPDY inside the WebSocket, before 1.31 without one: per connection an error stream and a data
stream, tied by a request id. The Python clients use numbered channels instead: 2i carries the data of the
i-th port, 2i+1 its errors.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from aiohttp import WSMsgType, web

from . import spdystreams, status
from .request import Call
from .spdy import BadFrame, Connection

TUNNEL, CHANNELS = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"
_CHUNK = 32 * 1024


async def forward(call: Call, dial) -> web.WebSocketResponse:
    """Upgrade and carry; `await dial(port)` gives (reader, writer) or raises OSError."""
    ports = _asked_ports(call)
    # With the channels of v5 the Python client fails on its own close message: offer it v4 only.
    socket = web.WebSocketResponse(protocols=(TUNNEL, CHANNELS), max_msg_size=0, compress=False)
    await socket.prepare(call.http)
    carrier = (
        _Tunnel(socket.send_bytes, _pieces(socket), dial)
        if socket.ws_protocol == TUNNEL
        else _Channels(socket, dial, ports)
    )
    try:
        await carrier.run()
    finally:
        await carrier.close()
        await socket.close()
    return socket


async def forward_spdy(call: Call, dial) -> web.StreamResponse:
    """The same without a WebSocket around it. Raises ApiError."""
    inbox = spdystreams.upgrade(call, "portforward.k8s.io")
    tunnel = _Tunnel(partial(spdystreams.send, call), inbox.pieces(), dial)
    try:
        await tunnel.run()
    finally:
        await tunnel.close()
        call.http.transport.close()
    return spdystreams.Upgraded()


async def _pieces(socket: web.WebSocketResponse) -> AsyncIterator[bytes]:
    async for message in socket:
        if message.type == WSMsgType.BINARY:
            yield message.data


def _asked_ports(call: Call) -> list[int]:
    listed = ",".join(call.http.query.getall("ports", []))
    try:
        ports = [int(text) for text in listed.split(",") if text]
    except ValueError:
        raise status.bad_request(f"unable to parse ports {listed!r}") from None
    if any(not 1 <= port <= 65535 for port in ports):
        raise status.bad_request(f"port out of range in {listed!r}")
    return ports


@dataclass
class _Link:
    """One TCP connection into the pod."""

    port: int
    writer: asyncio.StreamWriter | None = None
    pending: list[bytes] = field(default_factory=list)
    finished: bool = False  # the client has sent its last byte
    task: asyncio.Task | None = None

    async def send(self, data: bytes) -> None:
        if self.writer is None:
            self.pending.append(data)
            return
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def adopt(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        early, self.pending = self.pending, []
        for data in early:
            await self.send(data)
        if self.finished:
            self.finish()

    def finish(self) -> None:
        self.finished = True
        if self.writer and self.writer.can_write_eof():
            with contextlib.suppress(OSError):
                self.writer.write_eof()

    async def close(self) -> None:
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)
        if self.writer:
            self.writer.close()


class _Tunnel:
    def __init__(self, send: Callable[[bytes], Awaitable[None]], pieces: AsyncIterator[bytes], dial):
        self._pieces, self._dial = pieces, dial
        self._spdy = Connection(send, self._opened, self._arrived, self._reset)
        self._links: dict[int, _Link] = {}
        self._error_streams: dict[str, int] = {}

    async def run(self) -> None:
        async for data in self._pieces:
            try:
                await self._spdy.feed(data)
            except (BadFrame, ConnectionError):
                return

    async def close(self) -> None:
        for link in self._links.values():
            await link.close()

    async def _opened(self, stream: int, headers: dict[str, str], finished: bool) -> None:
        await self._spdy.reply(stream)
        request = headers.get("requestid", "")
        if headers.get("streamtype") == "error":
            self._error_streams[request] = stream
            return
        port = headers.get("port", "")
        link = self._links[stream] = _Link(int(port) if port.isdecimal() else 0)
        errors = self._error_streams.pop(request, 0)
        link.task = asyncio.create_task(self._serve(stream, errors, link), name="port-forward")

    async def _arrived(self, stream: int, data: bytes, finished: bool) -> None:
        link = self._links.get(stream)
        if link is None:
            return
        if data:
            await link.send(data)
        if finished:
            link.finish()

    async def _reset(self, stream: int) -> None:
        link = self._links.pop(stream, None)
        if link:
            await link.close()

    async def _serve(self, stream: int, errors: int, link: _Link) -> None:
        try:
            reader, writer = await self._dial(link.port)
        except OSError as error:
            await self._spdy.data(errors, _cannot_dial(link.port, error), finished=True)
            await self._spdy.data(stream, b"", finished=True)  # else kubectl's local end stays open
            return
        await link.adopt(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                await self._spdy.data(stream, data)
        await self._spdy.data(stream, b"", finished=True)
        await self._spdy.data(errors, b"", finished=True)


class _Channels:
    def __init__(self, socket: web.WebSocketResponse, dial, ports: list[int]):
        self._socket, self._dial = socket, dial
        self._links = [_Link(port) for port in ports]

    async def run(self) -> None:
        if not self._links:
            return
        for index, link in enumerate(self._links):
            number = link.port.to_bytes(2, "little")
            for channel in (2 * index, 2 * index + 1):
                await self._socket.send_bytes(bytes([channel]) + number)
            link.task = asyncio.create_task(self._serve(index, link), name="port-forward")
        reading = asyncio.create_task(self._read(), name="port-forward client")
        serving = asyncio.ensure_future(asyncio.gather(*(link.task for link in self._links)))
        try:
            await asyncio.wait({reading, serving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def close(self) -> None:
        for link in self._links:
            await link.close()

    async def _read(self) -> None:
        async for message in self._socket:
            data = message.data if message.type == WSMsgType.BINARY else b""
            if len(data) > 1 and data[0] % 2 == 0 and data[0] // 2 < len(self._links):
                await self._links[data[0] // 2].send(data[1:])

    async def _serve(self, index: int, link: _Link) -> None:
        try:
            reader, writer = await self._dial(link.port)
        except OSError as error:
            await self._socket.send_bytes(bytes([2 * index + 1]) + _cannot_dial(link.port, error))
            return
        await link.adopt(writer)
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                await self._socket.send_bytes(bytes([2 * index]) + data)


def _cannot_dial(port: int, error: OSError) -> bytes:
    return f"error forwarding port {port} to pod: {error}".encode()
