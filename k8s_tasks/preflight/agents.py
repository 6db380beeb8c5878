"""The node agents as probes use them: those of every worker node, asked at once."""

import asyncio
from collections.abc import Awaitable, Callable

from k8s_tasks.cluster.agent import Agent, agent_after, agents_by_node, agents_for
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import AgentEnded, AgentError, ExecFailed, Refused, Unreachable
from k8s_tasks.cluster.objects import is_worker, list_nodes

Question = Callable[[Agent], Awaitable[dict]]


async def ask_workers(api: Api, question: Question) -> dict[str, dict]:
    """{node: answer} of all nodes that take ordinary pods. Raises ClusterError."""
    workers = sorted(node["metadata"]["name"] for node in await list_nodes(api) if is_worker(node))
    if not workers:
        raise AgentError("no node of the cluster takes ordinary pods")
    agents = await agents_for(api, set(workers))
    answers = await asyncio.gather(*(_ask(agents[node], node, question) for node in workers))
    return dict(zip(workers, answers, strict=True))


async def _ask(agent: Agent, node: str, question: Question) -> dict:
    """An agent that ended while it was asked has said nothing of its node: the next one is asked, once."""
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
