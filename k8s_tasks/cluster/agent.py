"""The node agent: one pod per node, in the platform's namespace, driven by exec with fixed verbs.

It captures, impairs and misroutes at the node's end of a pod's link, where the student, who is
root inside the pod, cannot reach.
"""

import asyncio
import io
import json
import re
import tarfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from k8s_tasks.cluster.api import MERGE, Api
from k8s_tasks.cluster.errors import AgentEnded, AgentError, ExecFailed, NotFound, Refused, Unreachable
from k8s_tasks.cluster.execs import MOST_BYTES, Completed, run_to_end, start_process
from k8s_tasks.cluster.objects import apply_manifests, is_ready, list_pods, read_manifests, wait_for_pods

Answer = TypeVar("Answer")
NAMESPACE = "redes-system"
LABELS = "app=redes-node-agent"
MANIFEST = Path(__file__).parents[2] / "deploy" / "agent" / "node-agent.yaml"
MECHANISMS = "redes.local/impairment-mechanisms"
NO_CAPTURE = 3  # redes-agent's exit code
TAR_FOUND_CHANGES = 1  # its exit code where a file grew while it was read
CAPTURE_BYTES = 9_000_000  # two files of four megabytes at most, and the tar around them
_PCAP_HEADER = 24  # bytes before the first packet
_GONE = re.compile(rb"^redes-agent: gone (\S+): (.*)$", re.MULTILINE)
KILLED = 137  # what the kernel does to all processes of a container whose first one ends


class CaptureGone(AgentError):
    """There is no such capture, or tcpdump has died: nothing can be concluded from it."""


@dataclass(frozen=True)
class Agent:
    """The agent's pod on one node. `life` is the container that runs in it: a restart begins another."""

    api: Api
    pod: str
    life: str

    async def run(self, argv: Sequence[str], *, seconds: float, limit: int = MOST_BYTES) -> Completed:
        """A command of the platform's own on the node's network; never one that a browser named.

        Raises AgentEnded when it was killed."""
        process = await start_process(self.api, NAMESPACE, self.pod, argv)
        done = await run_to_end(process, seconds=seconds, limit=limit)
        if done.exit_code == KILLED:
            raise AgentEnded(f"{argv[0]} was killed in {self.pod}")
        return done

    async def start_capture(self, capture: str, address: str, filter_words: list[str]) -> None:
        """Returns once tcpdump listens. A capture that is running already is left alone."""
        done = await self._do("capture", "start", capture, address, *filter_words)
        if done.exit_code and b"is running already" not in done.stderr:
            raise AgentError(_words(done))

    async def read_captures(self, captures: Sequence[str]) -> dict[str, "bytes | CaptureGone"]:
        """The packets of each so far, as pcap, by one question."""
        words = ["redes-agent", "capture", "pack", *captures]
        done = await self.run(words, seconds=15, limit=len(captures) * CAPTURE_BYTES)
        if done.exit_code not in (0, TAR_FOUND_CHANGES):
            raise AgentError(_words(done))
        lost: dict[str, bytes | CaptureGone] = {
            name.decode(): CaptureGone(why.decode(errors="replace"))
            for name, why in _GONE.findall(done.stderr)
        }
        return lost | _unpack(done.stdout)

    async def captures(self) -> list[dict]:
        """{"id", "state", "interface", "began"} of each on this node, whosever it is."""
        return _objects(await self._change("capture", "list"))

    async def end_captures(self, prefix: str) -> None:
        """Stop and forget all whose id begins so; none is as well."""
        await self._change("capture", "end", prefix)

    async def kept_packets(self, watch: str) -> bytes:
        """What `capture watch` has kept so far, as pcap; the last packet may be cut. Raises CaptureGone."""
        done = await self._do("capture", "kept", watch)
        if done.exit_code == NO_CAPTURE:
            raise CaptureGone(_words(done))
        if done.exit_code:
            raise AgentError(_words(done))
        return done.stdout

    async def drop_packets(self, watch: str) -> None:
        await self._do("capture", "drop", watch)

    async def impair(self, address: str, direction: str, **effects: float) -> None:
        """`direction` is to-pod or from-pod; `effects` are redes-agent's. Raises AgentError."""
        words = [f"{name}={value:g}" for name, value in effects.items()]
        await self._change("impair", "set", address, direction, *words)

    async def clear_impairments(self, address: str) -> None:
        await self._change("impair", "clear", address)

    async def impairments(self) -> list[dict]:
        """What is in force on the node's links, and by which mechanism."""
        return _objects(await self._change("impair", "list"))

    async def set_mtu(self, address: str, mtu: int) -> None:
        await self._change("mtu", "set", address, str(mtu))

    async def clear_mtu(self, address: str) -> None:
        await self._change("mtu", "clear", address)

    async def mtus(self) -> list[dict]:
        """{"address", "mtu"} of each pod's route on the node that has an MTU of its own."""
        return _objects(await self._change("mtu", "list"))

    async def blackhole(self, address: str) -> None:
        await self._change("route", "blackhole", address)

    async def detour(self, address: str, via: str) -> None:
        await self._change("route", "detour", address, via)

    async def clear_route_faults(self, address: str) -> None:
        await self._change("route", "clear", address)

    async def mechanisms(self) -> dict[str, bool]:
        """What the node's kernel has for impairments, found by trying."""
        (found,) = _objects(await self._change("mechanisms"))
        return found

    async def _change(self, *words: str) -> Completed:
        done = await self._do(*words)
        if done.exit_code:
            raise AgentError(_words(done))
        return done

    async def _do(self, *words: str) -> Completed:
        return await self.run(["redes-agent", *words], seconds=15)


def _unpack(packed: bytes) -> dict[str, bytes | CaptureGone]:
    """Each capture as one file: of two, the newer goes on where the older ends. Raises AgentError."""
    found: dict[str, bytes | CaptureGone] = {}
    if not packed:
        return found
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as tar:
            for member in tar:
                file = tar.extractfile(member)
                data = file.read() if file else b""
                name = member.name.rpartition(".pcap")[0]
                before = found.get(name)
                found[name] = before + data[_PCAP_HEADER:] if isinstance(before, bytes) else data
    except (tarfile.TarError, EOFError) as error:
        raise AgentError(f"the captures came broken: {error}") from error
    return found


async def install_agent(api: Api) -> None:
    """Apply the DaemonSet; the same again is no change."""
    await apply_manifests(api, read_manifests(MANIFEST.read_text()))


async def agents_by_node(api: Api) -> dict[str, Agent]:
    """The agents that are ready now."""
    pods, _ = await list_pods(api, namespace=NAMESPACE, labels=LABELS)
    return {pod["spec"]["nodeName"]: _agent_in(api, pod) for pod in pods if is_ready(pod)}


def _agent_in(api: Api, pod: dict) -> Agent:
    return Agent(api, pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["containerID"])


async def agent_after(former: Agent, node: str, *, seconds: float = 15) -> Agent:
    """The agent that is ready on the node in another life than `former`. Raises TimeoutError."""
    pods: dict[str, dict] = {}

    def others() -> list[Agent]:
        ready = [pod for pod in pods.values() if pod["spec"].get("nodeName") == node and is_ready(pod)]
        return [agent for agent in (_agent_in(former.api, pod) for pod in ready) if agent.life != former.life]

    await wait_for_pods(
        former.api, NAMESPACE, lambda: bool(others()), into=pods, seconds=seconds, labels=LABELS
    )
    return others()[0]


async def ask_living(agent: Agent, node: str, question: Callable[[Agent], Awaitable[Answer]]) -> Answer:
    """The answer to a question that may be asked twice. An agent that ended while it was asked has said
    nothing of its node: the next one is asked, once. Raises ClusterError."""
    try:
        return await question(agent)
    except AgentEnded:
        pass
    except (ExecFailed, Refused, Unreachable):
        if await _lives(agent, node):
            raise
    try:
        successor = await agent_after(agent, node)
    except TimeoutError:
        raise AgentEnded(f"the agent of {node} ended and did not come back") from None
    return await question(successor)


async def _lives(agent: Agent, node: str) -> bool:
    found = (await agents_by_node(agent.api)).get(node)
    return found is not None and found.life == agent.life


async def agents_for(api: Api, nodes: set[str], *, seconds: float = 20) -> dict[str, Agent]:
    """Agents for these nodes, installed and waited for when absent. Raises AgentError."""
    agents = await _agents_or_none(api)
    if not nodes <= agents.keys():
        await install_agent(api)
        pods: dict[str, dict] = {}
        try:
            await wait_for_pods(
                api, NAMESPACE, lambda: nodes <= _ready_nodes(pods), into=pods, seconds=seconds, labels=LABELS
            )
        except TimeoutError:
            missing = ", ".join(sorted(nodes - _ready_nodes(pods)))
            raise AgentError(f"no node agent became ready on {missing} within {seconds:g} s") from None
        agents = await agents_by_node(api)
    await tell_mechanisms(api, {node: agent for node, agent in agents.items() if node in nodes})
    return agents


def _ready_nodes(pods: dict[str, dict]) -> set[str]:
    return {pod["spec"]["nodeName"] for pod in pods.values() if is_ready(pod)}


async def _agents_or_none(api: Api) -> dict[str, Agent]:
    try:
        return await agents_by_node(api)
    except NotFound:
        return {}


_told: set[str] = set()  # the lives of agents whose nodes this process has told of


async def tell_mechanisms(api: Api, agents: dict[str, Agent]) -> None:
    """Write on each Node, as an annotation, what its kernel has for impairments. Each agent is asked once in
    its life, whoever installed it: the node may be another one than when the last was asked."""
    new = {node: agent for node, agent in agents.items() if agent.life not in _told}
    await asyncio.gather(*(_tell_mechanisms(api, node, agent) for node, agent in new.items()))


async def _tell_mechanisms(api: Api, node: str, agent: Agent) -> None:
    found = await ask_living(agent, node, lambda living: living.mechanisms())
    names = ",".join(sorted(name for name, present in found.items() if present))
    body = {"metadata": {"annotations": {MECHANISMS: names}}}
    await api.request("PATCH", f"/api/v1/nodes/{node}", body=body, content_type=MERGE)
    _told.add(agent.life)


def _objects(done: Completed) -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def _words(done: Completed) -> str:
    return done.stderr.decode(errors="replace").strip() or f"redes-agent ended with {done.exit_code}"
