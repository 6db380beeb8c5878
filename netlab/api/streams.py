"""exec and attach over WebSocket, in the subprotocols v5 and v4 of channel.k8s.io.

Every message is binary: its first byte names the channel (0 stdin, 1 stdout, 2 stderr, 3 error, 4 resize),
255 half-closes one (v5). At the end the exit status goes out on the error channel, then the socket closes.
Output is read from the process only when the socket takes it, so a slow client slows the process down.
"""

import asyncio
import contextlib
import json
from socket import SO_SNDBUF, SOL_SOCKET

from aiohttp import WSMsgType, web

from netlab.node.streams import ExecError, Process

from . import status
from .rendering import dump
from .request import Call

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io", "channel.k8s.io")
_CHUNK = 32 * 1024
_SEND_BUFFER = 32 * 1024


def require_websocket(call: Call) -> None:
    """Raises ApiError unless the request asks for a WebSocket."""
    if call.http.headers.get("Upgrade", "").lower() != "websocket":
        raise status.bad_request("Upgrade request required")


def container_of(call: Call, pod: dict) -> str:
    """The container asked for, or the pod's only or default one. Raises ApiError."""
    names = [c["name"] for kind in _CONTAINER_KINDS for c in pod["spec"].get(kind, [])]
    asked = call.http.query.get("container")
    if asked:
        if asked not in names:
            raise status.bad_request(f"container {asked} is not valid for pod {pod['metadata']['name']}")
        return asked
    annotations = pod["metadata"].get("annotations", {})
    default = annotations.get("kubectl.kubernetes.io/default-container")
    if default in names:
        return default
    mains = [c["name"] for c in pod["spec"]["containers"]]
    if len(mains) > 1:
        choose = f"choose one of: {mains}".replace("'", "").replace(",", "")
        raise status.bad_request(
            f"a container name must be specified for pod {pod['metadata']['name']}, {choose}"
        )
    return mains[0]


_CONTAINER_KINDS = ("containers", "initContainers", "ephemeralContainers")


async def run(call: Call, start) -> web.WebSocketResponse:
    """Upgrade, start the process with `await start()` and carry its streams until it ends."""
    socket = web.WebSocketResponse(
        protocols=PROTOCOLS, max_msg_size=0, compress=False, writer_limit=_SEND_BUFFER
    )
    await socket.prepare(call.http)
    _keep_short(call)
    try:
        process = await start()
    except ExecError as error:
        await _send(socket, ERROR, dump(cannot_start(str(error))))
        await socket.close()
        return socket
    try:
        await _carry(socket, process)
    finally:
        await process.release()
    return socket


def _keep_short(call: Call) -> None:
    """Bound what the kernel and TLS queue for the client: megabytes would stand before a Ctrl-C's answer."""
    transport = call.http.transport
    connection = transport.get_extra_info("socket") if transport else None
    if connection is not None:
        connection.setsockopt(SOL_SOCKET, SO_SNDBUF, _SEND_BUFFER)
        transport.set_write_buffer_limits(high=_SEND_BUFFER)


async def _carry(socket: web.WebSocketResponse, process: Process) -> None:
    """Both directions at once; over when the process has ended or the client has gone."""
    inward = asyncio.create_task(_read_client(socket, process), name="exec client to process")
    outward = asyncio.create_task(_write_client(socket, process), name="exec process to client")
    try:
        done, _ = await asyncio.wait({inward, outward}, return_when=asyncio.FIRST_COMPLETED)
        if outward in done and not outward.exception():
            await _finish(socket, process)
    finally:
        for task in (inward, outward):
            task.cancel()
        await asyncio.gather(inward, outward, return_exceptions=True)


async def _write_client(socket: web.WebSocketResponse, process: Process) -> None:
    while piece := await process.read():
        channel, data = piece
        for at in range(0, len(data), _CHUNK):
            await _send(socket, channel, data[at : at + _CHUNK])


async def _read_client(socket: web.WebSocketResponse, process: Process) -> None:
    async for message in socket:
        if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT) or not message.data:
            continue
        data = message.data.encode() if isinstance(message.data, str) else message.data
        await _take(process, data[0], data[1:])


async def _take(process: Process, channel: int, data: bytes) -> None:
    if channel == STDIN:
        await process.write(data)
    elif channel == RESIZE:
        resize(process, data)
    elif channel == CLOSE and data[:1] == bytes([STDIN]):
        await process.close_stdin()


def resize(process: Process, data: bytes) -> None:
    with contextlib.suppress(ValueError, TypeError, KeyError):
        size = json.loads(data)
        process.resize(int(size["Width"]), int(size["Height"]))


async def _finish(socket: web.WebSocketResponse, process: Process) -> None:
    code = await process.wait()
    await _send(socket, ERROR, dump(exit_status(code)))
    await socket.close()


async def _send(socket: web.WebSocketResponse, channel: int, data: bytes) -> None:
    await socket.send_bytes(bytes([channel]) + data)


def exit_status(code: int) -> dict:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: exit status {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def cannot_start(why: str) -> dict:
    message = f"Internal error occurred: error executing command in container: {why}"
    return {"metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500}
