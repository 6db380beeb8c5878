"""A stand-in for a Kubernetes API server that can do one thing: exec, as v5 and v4 speak it.

A "pod" is this machine: the command runs as a child process, so a test sees real output, real
back-pressure and real exit codes.
"""

import asyncio
import json
from contextlib import asynccontextmanager
from socket import SO_SNDBUF, SOL_SOCKET

import yaml
from aiohttp import WSMsgType, web

from k8s_tasks.cluster.api import connect

OWN_BUFFER = 32 * 1024  # so that what was sent tells what the client has taken


@asynccontextmanager
async def exec_server(folder, *, protocols=("v5.channel.k8s.io", "v4.channel.k8s.io"), tls=None, named=None):
    """An Api connected to such a server; `requests` on it holds the headers it was sent.

    `tls` is the server's SSLContext, `named` what stands beside its address in the kubeconfig."""
    server = _Server(protocols)
    runner = web.AppRunner(server.app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0]
    scheme = "https" if tls else "http"
    api = await connect(write_kubeconfig(folder, f"{scheme}://{host}:{port}", named))
    try:
        yield api, server
    finally:
        await api.close()
        await runner.cleanup()


def write_kubeconfig(folder, address: str, beside: dict | None = None):
    path = folder / "kubeconfig"
    named = {"name": "test"}
    path.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "current-context": "test",
                "clusters": [{**named, "cluster": {"server": address, **(beside or {})}}],
                "users": [{**named, "user": {"token": "t0ken"}}],
                "contexts": [{**named, "context": {"cluster": "test", "user": "test"}}],
            }
        )
    )
    return path


class _Server:
    def __init__(self, protocols):
        self.protocols = protocols
        self.headers = []
        self.containers = []
        self.sent = 0
        self.app = web.Application()
        self.app.router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}/exec", self.exec)
        self.app.router.add_get("/api/v1/namespaces/{namespace}/pods/{pod}", self.pod)
        self.app.router.add_get("/version", self.version)

    async def version(self, request):
        return web.json_response({"gitVersion": "v1.36.0"})

    async def pod(self, request):
        spec = {"containers": [{"name": "first"}, {"name": "second"}]}
        return web.json_response({"metadata": {"name": request.match_info["pod"]}, "spec": spec})

    async def exec(self, request):
        self.headers.append(request.headers)
        if request.match_info["pod"] == "nobody":
            status = {
                "kind": "Status",
                "reason": "NotFound",
                "message": 'pods "nobody" not found',
                "code": 404,
            }
            return web.json_response(status, status=404)
        if request.match_info["pod"] == "pair" and "container" not in request.query:
            message = "a container name must be specified for pod pair, choose one of: [first second]"
            return web.json_response({"reason": "BadRequest", "message": message}, status=400)
        self.containers.append(request.query.get("container"))
        socket = web.WebSocketResponse(protocols=self.protocols, writer_limit=OWN_BUFFER)
        await socket.prepare(request)
        request.transport.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_SNDBUF, OWN_BUFFER)
        await socket.send_bytes(b"\x03" + json.dumps(await self._run(request, socket)).encode())
        await socket.close()
        return socket

    async def _run(self, request, socket) -> dict:
        argv = request.query.getall("command")
        try:
            child = await asyncio.create_subprocess_exec(*argv, stdin=-1, stdout=-1, stderr=-1)
        except FileNotFoundError:
            message = f'exec: "{argv[0]}": executable file not found in $PATH'
            return {"status": "Failure", "reason": "InternalError", "message": message}
        feeding = asyncio.create_task(self._feed(socket, child))
        await asyncio.gather(self._carry(socket, 1, child.stdout), self._carry(socket, 2, child.stderr))
        code = await child.wait()
        feeding.cancel()
        if code == 0:
            return {"metadata": {}, "status": "Success"}
        causes = [{"reason": "ExitCode", "message": str(code)}]
        return {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}

    async def _carry(self, socket, channel, stream):
        while data := await stream.read(32768):
            await socket.send_bytes(bytes([channel]) + data)
            self.sent += len(data)

    async def standstill(self) -> int:
        """What has been sent, once a tenth of a second brings no more."""
        sent = -1
        while sent != self.sent or not sent:
            sent = self.sent
            await asyncio.sleep(0.1)
        return sent

    async def _feed(self, socket, child):
        async for message in socket:
            if message.type is not WSMsgType.BINARY:
                continue
            if message.data[:2] == b"\xff\x00":
                child.stdin.close()
            elif message.data[0] == 0:
                child.stdin.write(message.data[1:])
                await child.stdin.drain()
