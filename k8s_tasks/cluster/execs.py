"""Commands in pods, over the exec WebSocket.

Each message is one byte of channel and then data: 0 stdin, 1 stdout, 2 stderr, 3 the status at
the end, 4 the terminal's size; version 5 adds 255 to half-close one. Reading is pull-based: while
nobody reads, aiohttp stops reading the socket, and TCP pushes back to the process in the pod.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import aiohttp

from k8s_tasks.cluster.api import SECONDS, Api
from k8s_tasks.cluster.errors import ExecFailed, Refused, Unreachable, refusal

CHOOSE = "container name must be specified"  # what an API server says of a pod with several
PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, STATUS, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
MOST_BYTES = 16_000_000  # of output that is collected
OUTPUTS = {STDOUT: "stdout", STDERR: "stderr"}


class Process:
    """A command that runs in a pod. Closing the socket does not end it, as on a real kubelet."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse):
        self._socket = socket
        self.exit_code: int | None = None

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        """("stdout" or "stderr", bytes) until the command ends; then `exit_code` is set.

        Raises ExecFailed when it could not be started, Unreachable when the socket broke.
        """
        async for message in self._socket:
            data = message.data if isinstance(message.data, bytes) else str(message.data).encode()
            channel, data = data[0], data[1:]
            if channel in OUTPUTS and data:
                yield OUTPUTS[channel], data
            elif channel == STATUS:
                self.exit_code = exit_code_of(data)
        if self.exit_code is None:
            raise Unreachable("the connection to the pod broke before the command ended")

    async def write(self, data: bytes) -> None:
        await self._send(STDIN, data)

    async def resize(self, *, columns: int, rows: int) -> None:
        await self._send(RESIZE, json.dumps({"Width": columns, "Height": rows}).encode())

    async def close_stdin(self) -> None:
        """End of input; a version 4 server has no way to say it, and the command goes on waiting."""
        if self._socket.protocol == PROTOCOLS[0]:
            await self._socket.send_bytes(bytes([CLOSE, STDIN]))

    async def _send(self, channel: int, data: bytes) -> None:
        try:
            await self._socket.send_bytes(bytes([channel]) + data)
        except (aiohttp.ClientError, ConnectionError) as error:
            raise Unreachable(f"the connection to the pod broke: {error}") from error

    async def close(self) -> None:
        await self._socket.close()


@dataclass(frozen=True)
class Completed:
    stdout: bytes
    stderr: bytes
    exit_code: int


async def start_process(
    api: Api,
    namespace: str,
    pod: str,
    argv: Sequence[str],
    *,
    as_user: str | None = None,
    stdin: bool = False,
    tty: bool = False,
) -> Process:
    """Start argv in the pod's only, default or first container. Raises Refused, NotFound or Unreachable."""
    options = {"as_user": as_user, "stdin": stdin, "tty": tty}
    try:
        return await _start(api, namespace, pod, "", argv, **options)
    except Refused as refused:
        if refused.status != 400 or CHOOSE not in str(refused):
            raise
    container = default_container(await api.request("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}"))
    return await _start(api, namespace, pod, container, argv, **options)


def default_container(pod: dict) -> str:
    """The one kubectl takes when none is named."""
    named = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    return named or pod["spec"]["containers"][0]["name"]


async def _start(
    api: Api,
    namespace: str,
    pod: str,
    container: str,
    argv: Sequence[str],
    *,
    as_user: str | None,
    stdin: bool,
    tty: bool,
) -> Process:
    query = [("command", word) for word in argv] + [("container", container)] * bool(container)
    query += [("stdout", "true"), ("stderr", str(not tty).lower()), ("stdin", str(stdin).lower())]
    query += [("tty", str(tty).lower())]
    url = api.url(f"/api/v1/namespaces/{namespace}/pods/{pod}/exec", query)
    headers = await api.credentials(as_user=as_user)
    try:
        # No heartbeat on a terminal: while the window holds reading back, pongs are not read either.
        socket = await (api.terminals if tty else api.http).ws_connect(
            url,
            headers=headers,
            protocols=PROTOCOLS,
            heartbeat=None if tty else 30,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1),
            server_hostname=api.tls_name,
        )
    except aiohttp.WSServerHandshakeError as error:
        raise await _why_refused(api, url, headers, error) from error
    except (TimeoutError, aiohttp.ClientError, OSError) as error:
        raise Unreachable(f"the Kubernetes API does not answer: {error}") from error
    return Process(socket)


async def _why_refused(api: Api, url: str, headers: dict, error: aiohttp.WSServerHandshakeError):
    """A refused handshake hides the server's sentence; ask once more without upgrading."""
    try:
        limit = aiohttp.ClientTimeout(SECONDS)
        asked = api.http.get(url, headers=headers, timeout=limit, server_hostname=api.tls_name)
        async with asked as answer:
            return refusal(error.status, await answer.read())
    except (TimeoutError, aiohttp.ClientError, OSError):
        return refusal(error.status, str(error.message).encode())


async def run_to_end(process: Process, *, seconds: float, limit: int = MOST_BYTES) -> Completed:
    """Collect a command's output. Raises ExecFailed past `seconds` or `limit` bytes."""
    collected = {"stdout": bytearray(), "stderr": bytearray()}
    try:
        async with asyncio.timeout(seconds):
            async for source, data in process.output():
                collected[source] += data
                if len(collected[source]) > limit:
                    raise ExecFailed(f"the command wrote more than {limit} bytes")
    except TimeoutError:
        raise ExecFailed(f"the command did not end within {seconds:g} s") from None
    finally:
        await process.close()
    return Completed(bytes(collected["stdout"]), bytes(collected["stderr"]), process.exit_code)


def exit_code_of(status: bytes) -> int:
    """The exit code in the status message. Raises ExecFailed when the command never started."""
    told = json.loads(status)
    if told.get("status") == "Success":
        return 0
    causes = (told.get("details") or {}).get("causes") or []
    codes = [cause["message"] for cause in causes if cause.get("reason") == "ExitCode"]
    if told.get("reason") != "NonZeroExitCode" or not codes:
        raise ExecFailed(told.get("message") or "the command could not be started")
    return int(codes[0])
