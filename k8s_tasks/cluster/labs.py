"""Makes and unmakes what one lab session has on a cluster. Doing it again is safe."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from k8s_tasks.cluster.agent import Agent, agents_by_node, agents_for
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.fence import fence_pods
from k8s_tasks.cluster.namespaces import labelled, namespace_manifests
from k8s_tasks.cluster.objects import (
    apply_manifests,
    delete_namespace,
    is_worker,
    list_nodes,
    list_pods,
    read_manifests,
    wait_until_ready,
)
from k8s_tasks.cluster.topology import node_facts, pod_facts

logger = logging.getLogger(__name__)

READY_SECONDS = 60


@dataclass(frozen=True)
class LabPlan:
    """`labels` go on everything; `pods` maps each pod to its node number; `render` fills a manifest's
    text in with the names of the nodes; `capture_filter` is what captures keep, in tcpdump's words."""

    session_id: str
    namespace: str
    labels: dict[str, str]
    pods: dict[str, int]
    manifests: tuple[str, ...]
    render: Callable[[str, dict], str]
    capture_filter: list[str]


async def prepare_lab(api: Api, plan: LabPlan) -> dict:
    """The session's bindings {"nodes", "pods"}, once its pods are ready and captured.

    Raises ClusterError with what did not come up.
    """
    nodes = await list_nodes(api)
    places = place_pods(plan.pods, nodes)
    manifests = read_manifests(
        *(plan.render(text, {"namespace": plan.namespace, **places}) for text in plan.manifests)
    )
    fenced = await fence_pods(api)
    await apply_manifests(api, namespace_manifests(plan.namespace, plan.labels, may_make_pods=fenced))
    labelled_ones = [labelled(manifest, plan.labels) for manifest in manifests]
    await apply_manifests(api, labelled_ones, namespace=plan.namespace)
    agents, pods = await asyncio.gather(
        agents_for(api, {place["node"] for place in places.values()}),
        wait_until_ready(api, plan.namespace, set(plan.pods), seconds=READY_SECONDS),
    )
    facts = [pod_facts(pod) for pod in pods]
    await start_captures(agents, facts, plan.session_id, plan.capture_filter)
    return {"nodes": [node_facts(node) for node in nodes], "pods": facts}


def place_pods(pods: dict[str, int], nodes: list[dict]) -> dict[str, dict]:
    """{"ana": {"node": name}}: equal numbers share a worker node, others do not. Raises ClusterError."""
    workers = sorted(node["metadata"]["name"] for node in nodes if is_worker(node))
    needed = max(pods.values())
    if len(workers) < needed:
        raise ClusterError(f"the lab needs {needed} worker nodes; the cluster has {len(workers)}")
    return {pod: {"node": workers[number - 1]} for pod, number in pods.items()}


async def start_captures(agents: dict, pods: list[dict], session_id: str, filter_words: list[str]) -> None:
    starts = [
        agents[pod["node"]].start_capture(capture_name(session_id, pod["name"]), pod["address"], filter_words)
        for pod in pods
    ]
    await asyncio.gather(*starts)


async def clear_lab(api: Api, session_id: str, namespace: str, pods: list[dict]) -> None:
    """Make the links normal, delete the namespace and drop the captures. Raises ClusterError."""
    await clear_impairments(api, namespace)
    await delete_namespace(api, namespace)
    agents = await agents_by_node(api)
    stops = [
        agents[pod["node"]].stop_capture(capture_name(session_id, pod["name"]))
        for pod in pods
        if pod["node"] in agents
    ]
    await asyncio.gather(*stops)


async def clear_impairments(api: Api, namespace: str) -> None:
    """Of the pods that are there now: an address a pod has left may be another session's."""
    try:
        pods, _version = await list_pods(api, namespace=namespace)
        addresses = {facts["address"] for facts in map(pod_facts, pods) if facts["address"]}
        if addresses:
            agents = await agents_by_node(api)
            await asyncio.gather(*(_clear_impairments(agent, addresses) for agent in agents.values()))
    except ClusterError as error:
        # The agent itself drops what belongs to a link that is gone.
        logger.warning("impairments of %s could not be cleared: %s", namespace, error)


async def _clear_impairments(agent: Agent, addresses: set[str]) -> None:
    for address in addresses & {each["address"] for each in await agent.impairments()}:
        await agent.clear_impairments(address)


def capture_name(session_id, pod: str) -> str:
    return f"{str(session_id).replace('-', '')}-{pod}"[:64]
