"""What a worker does itself for a step, in the shape of a process: it prints lines and ends with a code."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import datetime

from k8s_tasks.cluster.addons import read_log
from k8s_tasks.cluster.agent import Agent
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.as_student import AsStudent, spell, spell_kind
from k8s_tasks.cluster.errors import ClusterError, Refused, Unreachable
from k8s_tasks.cluster.proxy import configure_proxy

UNITS = {"delay": "ms", "jitter": "ms", "rate": "kbit/s"}


class Deed:
    """`work` says its lines with `say` and returns the exit code. Raises what the work raises."""

    def __init__(self, work: Callable[["Deed"], Awaitable[int]]):
        self._work = work
        self._said: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._task: asyncio.Task | None = None
        self.exit_code: int | None = None

    def say(self, line: str, source: str = "stdout") -> None:
        self._said.put_nowait((source, f"{line}\n".encode()))

    async def output(self) -> AsyncIterator[tuple[str, bytes]]:
        self._task = asyncio.create_task(self._do(), name="deed")
        while (said := await self._said.get()) is not None:
            yield said
        with suppress(asyncio.CancelledError):
            self.exit_code = await self._task

    async def _do(self) -> int:
        try:
            return await self._work(self)
        finally:
            self._said.put_nowait(None)

    async def close(self) -> None:
        if self._task:
            self._task.cancel()


async def apply_all(deed: Deed, student: AsStudent, manifests: list[dict]) -> int:
    """Every object in turn, whatever became of the one before, as kubectl does."""
    return max([await _tell(deed, student, _apply(deed, student, each)) for each in manifests], default=0)


async def remove_all(deed: Deed, student: AsStudent, manifests: list[dict]) -> int:
    return max([await _tell(deed, student, _remove(deed, student, each)) for each in manifests], default=0)


async def _apply(deed: Deed, student: AsStudent, manifest: dict) -> None:
    became = await student.apply(manifest)
    deed.say(f"{spell(manifest)} {became}")


async def _remove(deed: Deed, student: AsStudent, manifest: dict) -> None:
    await student.remove(manifest)
    deed.say(f'{spell_kind(manifest)} "{manifest["metadata"]["name"]}" deleted')


async def _tell(deed: Deed, student: AsStudent, act: Awaitable[None]) -> int:
    """The act's exit code; the server's warnings and refusals in kubectl's words."""
    code, refusal = 0, ""
    try:
        await act
    except Unreachable:
        raise
    except Refused as error:
        code, refusal = 1, f"Error from server ({error.reason or error.status}): {error}"
    except ClusterError as error:
        code, refusal = 1, f"error: {error}"
    for warning in student.warnings:
        deed.say(f"Warning: {warning}", "stderr")
    student.warnings.clear()
    if refusal:
        deed.say(refusal, "stderr")
    return code


async def impair(deed: Deed, agent: Agent, address: str, direction: str, effects: dict[str, float]) -> int:
    """Change one pod's link, and say what the node has in force there then, and by which mechanism."""
    if effects:
        await agent.impair(address, direction, **effects)
    else:
        await agent.clear_impairments(address)
        await agent.clear_route_faults(address)
        await _widen(agent, address)
    in_force = [each for each in await agent.impairments() if each["address"] == address]
    for each in in_force:
        deed.say(f"{address} {each['direction']}: {_spell_effects(each)}")
    if not in_force:
        deed.say(f"{address}: no impairment")
    return 0


async def show_log(deed: Deed, api: Api, addon: str, *, node: str, only: str, since: datetime) -> int:
    """grep's exit code: 1 when no line holds the word."""
    lines = await read_log(api, addon, node=node, only=only, since=since)
    for line in lines:
        deed.say(line)
    return 0 if lines else 1


async def change_proxy(deed: Deed, api: Api, *, mode: str, verbosity: int, session: str) -> int:
    await configure_proxy(api, mode=mode, verbosity=verbosity, session=session)
    deed.say(f"configmap/kube-proxy: mode {mode}")
    deed.say(f'daemon set "kube-proxy" successfully rolled out with --v={verbosity}')
    return 0


async def narrow(deed: Deed, agent: Agent, address: str, mtu: int) -> int:
    """Lower the MTU of the node's route to the pod, without telling it: it is for students to find out."""
    await agent.set_mtu(address, mtu)
    deed.say(f"{address}: the node's route to it has an MTU of its own now")
    return 0


async def _widen(agent: Agent, address: str) -> None:
    if any(each["address"] == address for each in await agent.mtus()):
        await agent.clear_mtu(address)


def _spell_effects(told: dict) -> str:
    return ", ".join(
        f"{name} {value:g} {UNITS.get(name, '%')} (by {told['mechanisms'][name]})"
        for name, value in told["effects"].items()
    )
