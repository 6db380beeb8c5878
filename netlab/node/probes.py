"""Startup, readiness and liveness probes: exec, tcpSocket and httpGet, as the kubelet runs them."""

import asyncio
from dataclasses import dataclass

from netlab.node import netns
from netlab.node.containers import Container
from netlab.node.streams import ExecError


class ProbeUnknown(Exception):
    """The manifest asks for a kind of probe netlab does not offer."""


@dataclass(frozen=True)
class Schedule:
    initial_delay: float
    period: float
    timeout: float
    successes: int
    failures: int

    @classmethod
    def of(cls, probe: dict) -> "Schedule":
        return cls(
            probe.get("initialDelaySeconds") or 0,
            probe.get("periodSeconds") or 10,
            probe.get("timeoutSeconds") or 1,
            probe.get("successThreshold") or 1,
            probe.get("failureThreshold") or 3,
        )


class Prober:
    """Runs one probe of a running container."""

    def __init__(self, probe: dict, spec: dict, container: Container, pod_ip: str):
        self._probe, self._spec, self._container, self._pod_ip = probe, spec, container, pod_ip
        self.schedule = Schedule.of(probe)

    async def verdicts(self):
        """Yield (healthy, why) each time the last results in a row reach the threshold."""
        previous, streak = None, 0
        await asyncio.sleep(self.schedule.initial_delay)
        while True:
            failure = await self.once()
            good = failure is None
            streak = streak + 1 if good == previous else 1
            previous = good
            if streak >= (self.schedule.successes if good else self.schedule.failures):
                yield good, failure or ""
            await asyncio.sleep(self.schedule.period)

    async def once(self) -> str | None:
        """None for success, else why it failed."""
        try:
            async with asyncio.timeout(self.schedule.timeout):
                return await self.attempt()
        except TimeoutError:
            return f"no answer within {self.schedule.timeout:g} s"

    async def attempt(self) -> str | None:
        """As `once`, without a bound in time."""
        try:
            return await self._try()
        except (OSError, ExecError, asyncio.IncompleteReadError) as error:
            return str(error)

    async def _try(self) -> str | None:
        if "exec" in self._probe:
            return await self._exec(self._probe["exec"]["command"])
        if "tcpSocket" in self._probe:
            return await self._tcp(self._probe["tcpSocket"])
        if "httpGet" in self._probe:
            return await self._http(self._probe["httpGet"])
        raise ProbeUnknown("netlab offers exec, tcpSocket and httpGet probes")

    async def _exec(self, command: list[str]) -> str | None:
        process = await self._container.exec(command, stdin=False, tty=False)
        output = bytearray()
        try:
            while piece := await process.read():
                output += piece[1][: 1024 - len(output)]
            code = await process.wait()
        finally:
            await process.release()
        return None if code == 0 else output.decode(errors="replace") or f"exit code {code}"

    async def _tcp(self, action: dict) -> None:
        _, writer = await self._dial(action)
        writer.close()

    async def _http(self, action: dict) -> str | None:
        reader, writer = await self._dial(action)
        try:
            writer.write(_request(action, self._pod_ip))
            status_line = await reader.readline()
        finally:
            writer.close()
        code = _status_code(status_line)
        return None if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"

    async def _dial(self, action: dict):
        """From the node, as a kubelet does: what the pod sees as the source is its gateway."""
        host = action.get("host") or self._pod_ip
        return await netns.connect(self._container.sandbox.node.name, host, self._port(action["port"]))

    def _port(self, port: int | str) -> int:
        if isinstance(port, int) or str(port).isdigit():
            return int(port)
        named = {item.get("name"): item["containerPort"] for item in self._spec.get("ports") or []}
        if port not in named:
            raise OSError(f"the container has no port named {port}")
        return named[port]


def _request(action: dict, host: str) -> bytes:
    headers = {"Host": host, "User-Agent": "kube-probe/1.36", "Accept": "*/*", "Connection": "close"}
    headers |= {item["name"]: item["value"] for item in action.get("httpHeaders") or []}
    path = action.get("path") or "/"
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode()


def _status_code(line: bytes) -> int:
    parts = line.split()
    if len(parts) < 2 or not parts[1].isdigit():
        raise OSError("the answer is not HTTP")
    return int(parts[1])
