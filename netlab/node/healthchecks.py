"""What an outer load balancer asks a node: has this Service a local endpoint here (healthCheckNodePort)?

200 and a number where it has, 503 where not, in kube-proxy's words.
"""

from aiohttp import web

Checks = dict[int, tuple[str, str, int]]  # port -> namespace, name, local endpoints


_ANY = "0.0.0.0"  # noqa: S104 - every address of one node, in the node's own network


class HealthChecks:
    """Answers on one node; `serve` says for whom from now on."""

    def __init__(self, runtime, node: str):
        self._runtime, self._node = runtime, node
        self._checks: Checks = {}
        self._runners: dict[int, web.ServerRunner] = {}

    async def serve(self, checks: Checks) -> None:
        """Raises OSError where a port is in use; then call it again."""
        self._checks = checks
        for port in [port for port in self._runners if port not in checks]:
            await self._runners.pop(port).cleanup()
        for port in [port for port in checks if port not in self._runners]:
            listener = await self._runtime.listen(self._node, _ANY, port)
            runner = web.ServerRunner(web.Server(self._answer_for(port)), shutdown_timeout=0)
            await runner.setup()
            await web.SockSite(runner, listener).start()
            self._runners[port] = runner

    def _answer_for(self, port: int):
        async def answer(request: web.BaseRequest) -> web.Response:
            namespace, name, count = self._checks[port]
            body = {"service": {"namespace": namespace, "name": name}, "localEndpoints": count}
            return web.json_response(body | {"serviceProxyHealthy": True}, status=200 if count else 503)

        return answer
