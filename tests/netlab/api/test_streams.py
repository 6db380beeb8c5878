import asyncio
import json

import aiohttp
import pytest
from yarl import URL

from netlab.api.portforward import TUNNEL
from netlab.api.spdy import Connection

from .worlds import PODS, pod

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"


@pytest.fixture
async def running(plane):
    """A pod that is Running."""
    async with plane.store.watch("pods") as changes:
        await plane.call("POST", PODS, pod(), code=201)
        async for change in changes:
            if change.object["status"]["phase"] == "Running":
                return plane


async def open_exec(plane, query, *protocols):
    return await plane.session.ws_connect(f"{plane.url}{PODS}/web/exec?{query}", protocols=protocols)


async def last_word(socket):
    """Everything said, and the status of the error channel."""
    said = b""
    async for message in socket:
        if message.data[0] == 3:
            return said, json.loads(message.data[1:])
        said += message.data[1:]


async def test_output_then_success(running):
    socket = await open_exec(running, "command=id&stdout=true", V5)
    assert socket.protocol == V5
    assert await last_word(socket) == (b"hello\n", {"metadata": {}, "status": "Success"})
    assert (await socket.receive()).type == aiohttp.WSMsgType.CLOSE
    assert socket.close_code == 1000


async def test_the_exit_code_is_told(running):
    _, status = await last_word(await open_exec(running, "command=exit&command=7&stdout=true", V4))
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "7"}]


async def test_stdin_echoes_and_half_closes(running):
    socket = await open_exec(running, "command=cat&stdin=true&stdout=true", V5, V4)
    await socket.send_bytes(b"\x00ping")
    await socket.send_bytes(bytes([255, 0]))
    assert await last_word(socket) == (b"hello\nping", {"metadata": {}, "status": "Success"})


async def test_resizes_reach_the_process_and_rubbish_does_not_hurt(running):
    socket = await open_exec(running, "command=sh&stdin=True&stdout=true&tty=true", V5)
    await socket.send_bytes(b"\x04not json")
    await socket.send_bytes(b'\x04{"Width":90,"Height":30}\n')
    await socket.send_bytes(bytes([255, 0]))
    await last_word(socket)
    assert running.runtime.processes[-1].sizes == [(90, 30)]


async def test_a_program_that_is_not_there(running):
    _, status = await last_word(await open_exec(running, "command=nosuch&stdout=true", V5))
    assert (status["status"], status["code"]) == ("Failure", 500)
    assert "executable file not found in $PATH" in status["message"]


async def test_a_client_that_leaves_releases_the_process(running):
    socket = await open_exec(running, "command=cat&stdin=true&stdout=true", V5)
    await socket.receive()
    process = running.runtime.processes[-1]
    released = asyncio.Event()
    process.release = _noting(released)
    await socket.close()
    await asyncio.wait_for(released.wait(), 5)


def _noting(event):
    async def release():
        event.set()

    return release


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("stdout=true", "you must specify at least one command for the container"),
        ("command=id&container=ghost", "container ghost is not valid for pod web"),
    ],
)
async def test_a_wrong_question_is_a_bad_request(running, query, told):
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    answer = await running.call("GET", f"{PODS}/web/exec?{query}", code=400, headers=headers)
    assert answer["message"] == told


async def test_exec_over_spdy_needs_a_protocol_both_know(running):
    headers = {"Upgrade": "SPDY/3.1", "Connection": "Upgrade", "X-Stream-Protocol-Version": "v1.example"}
    answer = await running.call("POST", f"{PODS}/web/exec?command=id", code=400, headers=headers)
    assert "v4.channel.k8s.io" in answer["message"] and "v1.example" in answer["message"]


async def test_logs(running):
    async with running.session.get(f"{running.url}{PODS}/web/log?tailLines=1") as answer:
        assert (answer.content_type, await answer.text()) == ("text/plain", "two\n")
    await running.call("GET", f"{PODS}/web/log?tailLines=-1", code=422)


@pytest.fixture
async def echo_port():
    async def echo(reader, writer):
        while data := await reader.read(1000):
            writer.write(data.upper())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def test_forwarding_by_channels(running, echo_port):
    url = f"{running.url}{PODS}/web/portforward?ports={echo_port}"
    socket = await running.session.ws_connect(url, protocols=(V5, V4))
    assert socket.protocol == V4
    number = echo_port.to_bytes(2, "little")
    assert [await socket.receive_bytes() for _ in range(2)] == [b"\x00" + number, b"\x01" + number]
    await socket.send_bytes(b"\x00abc")
    assert await socket.receive_bytes() == b"\x00ABC"
    await socket.close()


async def test_forwarding_through_the_tunnel(running, echo_port):
    socket = await running.session.ws_connect(f"{running.url}{PODS}/web/portforward", protocols=(TUNNEL,))
    client = TunnelClient(socket)
    await client.open(1, streamtype="error", port=echo_port, requestid=0)
    await client.open(3, streamtype="data", port=echo_port, requestid=0)
    await client.spdy.data(3, b"abc", finished=True)
    assert await client.received(3) == b"ABC"
    await socket.close()


async def test_forwarding_to_a_closed_port_tells_why(running, echo_port):
    socket = await running.session.ws_connect(f"{running.url}{PODS}/web/portforward", protocols=(TUNNEL,))
    client = TunnelClient(socket)
    await client.open(1, streamtype="error", port=1, requestid=0)
    await client.open(3, streamtype="data", port=1, requestid=0)
    assert b"error forwarding port 1 to pod" in await client.received(1)
    await socket.close()


async def test_forwarding_over_spdy_without_a_websocket(running, echo_port):
    connection = await RawSpdy.open(running, f"{PODS}/web/portforward")
    client = TunnelClient(connection)
    await client.open(1, streamtype="error", port=echo_port, requestid=0)
    await client.open(3, streamtype="data", port=echo_port, requestid=0)
    await client.spdy.data(3, b"abc", finished=True)
    assert await client.received(3) == b"ABC"
    connection.writer.close()


class RawSpdy:
    """A connection that HTTP has left, as TunnelClient uses it."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, plane, path):
        url, context = URL(plane.url), plane.session.connector._ssl
        made = cls(*await asyncio.open_connection(url.host, url.port, ssl=context))
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        await made.send_bytes(f"{head}X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n".encode())
        answer = await made.reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101 ")
        return made

    async def send_bytes(self, data):
        self.writer.write(data)
        await self.writer.drain()

    async def receive_bytes(self):
        return await self.reader.read(1000)


class TunnelClient:
    """kubectl's side of SPDY: opens streams, collects what arrives until a stream is finished."""

    def __init__(self, socket):
        self.socket = socket
        self.spdy = Connection(socket.send_bytes, None, self._arrived, None)
        self._data: dict[int, bytes] = {}
        self._finished: set[int] = set()

    async def open(self, stream, **headers):
        import struct
        import zlib

        from netlab.api.spdy import DICTIONARY

        if not hasattr(self, "deflate"):
            self.deflate = zlib.compressobj(zdict=DICTIONARY)
        block = struct.pack(">I", len(headers))
        for pair in headers.items():
            block += b"".join(struct.pack(">I", len(text)) + text for text in (str(p).encode() for p in pair))
        packed = self.deflate.compress(block) + self.deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack(">IIBB", stream, 0, 0, 0) + packed
        await self.socket.send_bytes(struct.pack(">HHI", 0x8003, 1, len(body)) + body)

    async def _arrived(self, stream, data, finished):
        self._data[stream] = self._data.get(stream, b"") + data
        if finished:
            self._finished.add(stream)

    async def received(self, stream):
        while stream not in self._finished:
            await self.spdy.feed(await self.socket.receive_bytes())
        return self._data[stream]
