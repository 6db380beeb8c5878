"""The captures the platform keeps of a session: one on each pod's link and, where a lab looks at the way
between nodes, one on each node's own link."""

import asyncio
import contextlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID
from zlib import crc32

from k8s_tasks.cluster.agent import Agent, ask_living


@dataclass(frozen=True, order=True)
class End:
    """Where a pod is, and the address of its node."""

    address: str
    node: str
    node_address: str


@dataclass(frozen=True)
class Capture:
    """`address` lies behind the link that is captured: the agent finds the interface by it."""

    name: str
    node: str
    address: str
    filter_words: list[str]

    async def start(self, agent: Agent) -> None:
        await agent.start_capture(self.name, self.address, self.filter_words)


def capture_of_pod(session_id, pod: str, end: End, filter_words: Sequence[str]) -> Capture:
    return Capture(f"{_prefix(session_id)}{pod}"[:64], end.node, end.address, list(filter_words))


def captures_of_links(session_id, ends: Iterable[End], filter_words: Sequence[str]) -> dict[str, Capture]:
    """By node, for each that has another of the session's nodes as a neighbour.

    A node's link carries everybody's packets, so the filter names the addresses of the session's pods. So
    does the name: when a pod comes back with another address, its captures are other ones.
    """
    ends = sorted(ends)
    own = " or ".join(f"host {end.address}" for end in ends).split()
    words = ["(", *filter_words, ")", "and", "(", *own, ")"]
    found = {}
    for node in {end.node for end in ends}:
        beyond = next((end.node_address for end in ends if end.node != node), None)
        if beyond:
            name = f"{_prefix(session_id)}link_{crc32(' '.join([node, *own]).encode()):08x}"
            found[node] = Capture(name, node, beyond, words)
    return found


async def end_captures(agents: Mapping[str, Agent], session_id) -> None:
    """All of a session's, by node. Raises ClusterError."""
    prefix = _prefix(session_id)
    asked = (
        ask_living(agent, node, lambda living: living.end_captures(prefix)) for node, agent in agents.items()
    )
    await asyncio.gather(*asked)


async def sessions_with_captures(agents: Mapping[str, Agent]) -> dict[UUID, datetime]:
    """When the newest capture of each began, whosever session it is. Raises ClusterError."""
    found: dict[UUID, datetime] = {}
    for listed in await asyncio.gather(*(agent.captures() for agent in agents.values())):
        for each in listed:
            with contextlib.suppress(ValueError):  # of a name that is not ours
                session_id = UUID(each["id"].partition("-")[0])
                began = datetime.fromtimestamp(float(each["began"]), UTC)
                found[session_id] = max(began, found.get(session_id, began))
    return found


def _prefix(session_id) -> str:
    return f"{str(session_id).replace('-', '')}-"
