"""Makes and unmakes what one lab session has on a cluster. Doing it again is safe."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from curriculum.specs import Card
from k8s_tasks.cluster.agent import Agent, agents_by_node, agents_for, ask_living
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.background import Talker, talker_manifest
from k8s_tasks.cluster.captures import End, capture_of_pod, captures_of_links, end_captures
from k8s_tasks.cluster.doors import close_doors, open_door
from k8s_tasks.cluster.errors import ClusterError, Refused
from k8s_tasks.cluster.fence import fence_pods
from k8s_tasks.cluster.namespaces import (
    SESSION_LABEL,
    labelled,
    look_only,
    namespace_manifests,
    student_rules,
)
from k8s_tasks.cluster.objects import (
    apply_manifest,
    apply_manifests,
    delete_namespace,
    is_worker,
    list_nodes,
    list_pods,
    read_manifests,
    wait_until_ready,
)
from k8s_tasks.cluster.topology import fill_in_values, node_facts, pod_facts

logger = logging.getLogger(__name__)

READY_SECONDS = 60
COUNTED_SECONDS = 10
UNCOUNTED = "status unknown for quota"


@dataclass(frozen=True)
class LabPlan:
    """`labels` go on everything; `pods` maps each pod to its node number; `render` fills a manifest's
    text in with the names of the nodes; `capture_filter` is what captures keep, in tcpdump's words.
    `namespaces` are those besides the main one, by key, and `homes` the key of each pod that lives there.
    `card` is the fault that was dealt, and `card_objects` stand in the place of manifests of the same name.
    `addressed` are manifests that ask for the addresses of the pods `asked`, and wait until these are ready.
    `talkers` begin to send when the lab's pods are ready, in the namespace `world`, where the student may
    only look. `watches_links` asks for captures between the nodes too, `wants_door` for a way of its own
    through the ingress controller. `granted` are the student's rights beyond these namespaces."""

    session_id: str
    namespace: str
    labels: dict[str, str]
    pods: dict[str, int]
    manifests: tuple[str, ...]
    render: Callable[[str, dict], str]
    capture_filter: list[str]
    namespaces: dict[str, str] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)
    card: Card | None = None
    card_objects: str = ""
    addressed: tuple[str, ...] = ()
    asked: frozenset[str] = frozenset()
    talkers: tuple[Talker, ...] = ()
    world: str = ""
    granted: tuple[dict, ...] = ()
    watches_links: bool = False
    wants_door: bool = False

    @property
    def all_namespaces(self) -> tuple[str, ...]:
        return (self.namespace, *self.namespaces.values())

    def pods_in(self, namespace: str) -> set[str]:
        return {
            pod
            for pod in self.pods
            if self.namespaces.get(self.homes.get(pod, ""), self.namespace) == namespace
        }


async def prepare_lab(api: Api, plan: LabPlan) -> dict:
    """The session's bindings {"nodes", "pods", "namespaces"}, and {"door"} if it wants one, once its pods are
    ready and captured.

    Raises ClusterError with what did not come up.
    """
    nodes = await list_nodes(api)
    nodes_told = [node_facts(node) for node in nodes]
    places = place_pods(plan.pods | {talker.name: talker.node for talker in plan.talkers}, nodes)
    values = {"namespace": plan.namespace, "ns": plan.namespaces, **places}
    manifests = put_in_place(
        read_manifests(*(plan.render(text, values) for text in plan.manifests)),
        read_manifests(plan.render(plan.card_objects, values)),
    )
    await _make_namespaces(api, plan)
    await _apply_all(api, plan, manifests)
    if plan.addressed:
        early = [pod_facts(pod) for pod in await _ready_pods(api, plan, plan.asked)]
        values |= {pod["name"]: {"ip": pod["address"], "node": pod["node"]} for pod in early}
        await _apply_all(api, plan, read_manifests(*(plan.render(text, values) for text in plan.addressed)))
    agents, pods = await asyncio.gather(
        agents_for(api, {place["node"] for place in places.values()}), _ready_pods(api, plan, plan.pods)
    )
    facts = [pod_facts(pod) for pod in pods]
    bindings = {"nodes": nodes_told, "pods": facts, "namespaces": plan.namespaces}
    if plan.wants_door:
        bindings["door"] = (await open_door(api, plan.namespace, plan.labels)).told()
    values = {**places, **fill_in_values(plan.namespace, bindings)}
    facts += await _start_talkers(api, plan, values)
    await start_captures(agents, plan, facts, nodes_told)
    if plan.card and plan.card.pod:
        await _break_link(agents, plan, values)
    return bindings


def put_in_place(manifests: list[dict], others: list[dict]) -> list[dict]:
    """Each of the others in place of the manifest of the same kind, namespace and name; new ones behind."""
    found = {_identity(each): each for each in manifests}
    return list((found | {_identity(each): each for each in others}).values())


def _identity(manifest: dict) -> tuple[str, str, str]:
    return manifest["kind"], manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]


async def _break_link(agents: dict[str, Agent], plan: LabPlan, values: dict) -> None:
    """What the card does to its pod's link, at the node, where no student can look."""
    address, node, card = values[plan.card.pod]["ip"], values[plan.card.pod]["node"], plan.card

    async def break_by(agent: Agent) -> None:
        if card.mtu:
            await agent.set_mtu(address, int(plan.render(card.mtu, values)))
        if card.detour:
            await agent.detour(address, plan.render(card.detour, values))

    await ask_living(agents[node], node, break_by)


async def _apply_all(api: Api, plan: LabPlan, manifests: Iterable[dict]) -> None:
    for manifest in manifests:
        place = manifest["metadata"].get("namespace", plan.namespace)
        await _apply_once_counted(api, labelled(manifest, plan.labels), place)


async def _start_talkers(api: Api, plan: LabPlan, values: dict) -> list[dict]:
    """The platform's own pods, once they are Ready."""
    for talker in plan.talkers:
        filled = talker.filled_in(lambda template: plan.render(template, values))
        manifest = talker_manifest(filled, node=values[talker.name]["node"])
        await apply_manifest(api, labelled(manifest, plan.labels), namespace=plan.world)
    names = {talker.name for talker in plan.talkers}
    pods = await wait_until_ready(api, plan.world, names, seconds=READY_SECONDS) if names else []
    return [pod_facts(pod) for pod in pods]


async def _apply_once_counted(api: Api, manifest: dict, namespace: str) -> None:
    """A real API server refuses what a quota of a moment ago counts, until its controller has counted."""
    until = asyncio.get_running_loop().time() + COUNTED_SECONDS
    while True:
        try:
            await apply_manifest(api, manifest, namespace=namespace)
            return
        except Refused as error:
            if UNCOUNTED not in str(error) or asyncio.get_running_loop().time() > until:
                raise
        await asyncio.sleep(0.1)


async def _make_namespaces(api: Api, plan: LabPlan) -> None:
    fenced = await fence_pods(api)
    for namespace in plan.all_namespaces:
        rules = look_only() if namespace == plan.world else student_rules(may_make_pods=fenced)
        its = namespace_manifests(namespace, plan.labels, rules=rules, main=plan.namespace)
        await apply_manifests(api, its, namespace=namespace)
    await apply_manifests(api, [*plan.granted])


async def _ready_pods(api: Api, plan: LabPlan, wanted: Iterable[str]) -> list[dict]:
    waits = [
        wait_until_ready(api, namespace, names, seconds=READY_SECONDS)
        for namespace in plan.all_namespaces
        if (names := plan.pods_in(namespace).intersection(wanted))
    ]
    return [pod for pods in await asyncio.gather(*waits) for pod in pods]


def place_pods(pods: dict[str, int], nodes: list[dict]) -> dict[str, dict]:
    """{"ana": {"node": name}}: equal numbers share a worker node, others do not. Raises ClusterError."""
    workers = sorted(node["metadata"]["name"] for node in nodes if is_worker(node))
    needed = max(pods.values())
    if len(workers) < needed:
        raise ClusterError(f"the lab needs {needed} worker nodes; the cluster has {len(workers)}")
    return {pod: {"node": workers[number - 1]} for pod, number in pods.items()}


async def start_captures(agents: dict, plan: LabPlan, pods: list[dict], nodes: list[dict]) -> None:
    addresses = {node["name"]: node["address"] for node in nodes}
    ends = {pod["name"]: End(pod["address"], pod["node"], addresses[pod["node"]]) for pod in pods}
    words = plan.capture_filter
    captures = [capture_of_pod(plan.session_id, pod, end, words) for pod, end in ends.items()]
    if plan.watches_links:
        captures += captures_of_links(plan.session_id, ends.values(), words).values()
    await asyncio.gather(*(ask_living(agents[each.node], each.node, each.start) for each in captures))


async def clear_lab(api: Api, session_id: str, namespace: str) -> None:
    """Make the links normal, drop the captures, delete the session's namespaces. One that fails hinders none
    of the others; the watcher tries again what is left. Raises ClusterError."""
    namespaces = await _namespaces_of(api, session_id) | {namespace}
    await asyncio.gather(*(clear_impairments(api, each) for each in namespaces))
    chores = [
        _drop_captures(api, session_id),
        close_doors(api, f"{SESSION_LABEL}={session_id}"),
        *(delete_namespace(api, each) for each in namespaces),
    ]
    ends = await asyncio.gather(*chores, return_exceptions=True)
    for error in filter(None, ends):
        raise error


async def _drop_captures(api: Api, session_id: str) -> None:
    await end_captures(await agents_by_node(api), session_id)


async def _namespaces_of(api: Api, session_id: str) -> set[str]:
    """By their label: a session that failed while it was made has no other note of them."""
    ours = {"labelSelector": f"{SESSION_LABEL}={session_id}"}
    found = await api.request("GET", "/api/v1/namespaces", query=ours)
    return {each["metadata"]["name"] for each in found["items"]}


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
