"""The node agents as probes use them: those of every worker node, asked at once."""

import asyncio
from collections.abc import Awaitable, Callable

from k8s_tasks.cluster.agent import Agent, agents_for, ask_living
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import AgentError
from k8s_tasks.cluster.objects import is_worker, list_nodes

Question = Callable[[Agent], Awaitable[dict]]


async def ask_workers(api: Api, question: Question) -> dict[str, dict]:
    """{node: answer} of all nodes that take ordinary pods. Raises ClusterError."""
    workers = sorted(node["metadata"]["name"] for node in await list_nodes(api) if is_worker(node))
    if not workers:
        raise AgentError("no node of the cluster takes ordinary pods")
    agents = await agents_for(api, set(workers))
    answers = await asyncio.gather(*(ask_living(agents[node], node, question) for node in workers))
    return dict(zip(workers, answers, strict=True))
