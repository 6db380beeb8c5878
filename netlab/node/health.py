"""What the probes of a pod's containers say, and what comes of it: readiness, a restart, an event."""

import asyncio
from collections.abc import Awaitable, Callable

from netlab.node.containers import Container
from netlab.node.probes import Prober
from netlab.node.status import ContainerRecord


class Health:
    """`tell` makes an event, `publish` writes the pod's status, `end` stops a container that is unhealthy;
    its worker then begins it again."""

    def __init__(
        self,
        tell: Callable[..., None],
        publish: Callable[[], None],
        end: Callable[[dict, Container], Awaitable[None]],
    ):
        self._tell, self._publish, self._end = tell, publish, end

    def watch(self, spec: dict, record: ContainerRecord, container: Container, pod_ip: str) -> asyncio.Task:
        """The task that runs all probes of a container that has just been started."""
        record.started = "startupProbe" not in spec
        record.ready = record.started and "readinessProbe" not in spec
        watched = _Watched(self, spec, record, container, pod_ip)
        return asyncio.create_task(watched.run(), name=f"probes {container.id}")

    def tell(self, record: ContainerRecord, kind: str, why: str) -> None:
        self._tell("Unhealthy", f"{kind} probe failed: {why}", record.name, warning=True)

    def set_ready(self, record: ContainerRecord, ready: bool) -> None:
        if record.ready != ready:
            record.ready = ready
            self._publish()

    def set_started(self, record: ContainerRecord, ready: bool) -> None:
        record.started, record.ready = True, ready
        self._publish()

    async def kill(self, kind: str, spec: dict, record: ContainerRecord, container: Container) -> None:
        self._tell("Killing", f"Container {record.name} failed {kind} probe, will be restarted", record.name)
        await self._end(spec, container)


class _Watched:
    """The probes of one running container."""

    def __init__(
        self, health: Health, spec: dict, record: ContainerRecord, container: Container, pod_ip: str
    ):
        self._health, self._spec, self._record = health, spec, record
        self._container, self._pod_ip = container, pod_ip

    async def run(self) -> None:
        if "startupProbe" in self._spec and not await self._until_started():
            return
        kinds = {"readinessProbe": self._on_readiness, "livenessProbe": self._on_liveness}
        async with asyncio.TaskGroup() as group:
            for kind, act in kinds.items():
                if kind in self._spec:
                    group.create_task(self._follow(kind, act))

    def _verdicts(self, kind: str):
        return Prober(self._spec[kind], self._spec, self._container, self._pod_ip).verdicts()

    async def _until_started(self) -> bool:
        async for good, why in self._verdicts("startupProbe"):
            if good:
                self._health.set_started(self._record, "readinessProbe" not in self._spec)
            else:
                await self._kill("startup", why)
            return good
        return False

    async def _follow(self, kind: str, act: Callable[[bool, str], Awaitable[None]]) -> None:
        async for good, why in self._verdicts(kind):
            await act(good, why)

    async def _on_readiness(self, good: bool, why: str) -> None:
        if not good:
            self._health.tell(self._record, "Readiness", why)
        self._health.set_ready(self._record, good)

    async def _on_liveness(self, good: bool, why: str) -> None:
        if not good:
            await self._kill("liveness", why)

    async def _kill(self, kind: str, why: str) -> None:
        self._health.tell(self._record, kind.title(), why)
        await self._health.kill(kind, self._spec, self._record, self._container)
