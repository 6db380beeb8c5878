"""What the probes of a container say, and what comes of it: readiness, a restart, an event."""

import asyncio
from collections.abc import Awaitable, Callable

from netlab.node.containers import Container
from netlab.node.probes import Prober
from netlab.node.status import ContainerRecord


class Health:
    """All probes of a container that has just been started.

    `tell` makes an event, `publish` writes the pod's status, `end` stops the container when it is unhealthy;
    its worker then begins it again.
    """

    def __init__(
        self,
        spec: dict,
        record: ContainerRecord,
        container: Container,
        pod_ip: str,
        *,
        tell: Callable[..., None],
        publish: Callable[[], None],
        end: Callable[[], Awaitable[None]],
    ):
        self._spec, self._record, self._container, self._pod_ip = spec, record, container, pod_ip
        self._tell, self._publish, self._end = tell, publish, end
        record.started = "startupProbe" not in spec
        record.ready = record.started and "readinessProbe" not in spec

    async def watch(self) -> None:
        """Runs until cancelled, or as long as there is something to probe."""
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
                self._record.started, self._record.ready = True, "readinessProbe" not in self._spec
                self._publish()
            else:
                await self._restart("startup", why)
            return good
        return False

    async def _follow(self, kind: str, act: Callable[[bool, str], Awaitable[None]]) -> None:
        async for good, why in self._verdicts(kind):
            await act(good, why)

    async def _on_readiness(self, good: bool, why: str) -> None:
        if not good:
            self._tell_failure("Readiness", why)
        if self._record.ready != good:
            self._record.ready = good
            self._publish()

    async def _on_liveness(self, good: bool, why: str) -> None:
        if not good:
            await self._restart("liveness", why)

    async def _restart(self, kind: str, why: str) -> None:
        self._tell_failure(kind.title(), why)
        name = self._record.name
        self._tell("Killing", f"Container {name} failed {kind} probe, will be restarted", name)
        await self._end()

    def _tell_failure(self, kind: str, why: str) -> None:
        self._tell("Unhealthy", f"{kind} probe failed: {why}", self._record.name, warning=True)
