"""Ask a node for kube-proxy's rules, whatever the mode it works in."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from k8s_tasks.cluster.agent import Agent, agents_for
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import AgentError
from k8s_tasks.cluster.execs import Completed
from k8s_tasks.proxy_rules import flows, iptables, nftables
from k8s_tasks.proxy_rules.rules import DoorKind, Rules

SECONDS = 10  # a page waits for it
SETTLE_SECONDS = 3
LOOK_AGAIN = 0.3
OWNER = "kubernetes.io/service-name"


class Mode(StrEnum):
    IPTABLES = "iptables"
    NFTABLES = "nftables"
    OTHER = "other"  # IPVS, or a proxy that is not kube-proxy: there are no chains to draw


@dataclass(frozen=True)
class Look:
    """What one node has at this moment; `services` are the objects, in the order of the namespaces."""

    mode: Mode
    rules: Rules
    services: Sequence[dict]


async def look(api: Api, node: str, namespaces: Collection[str]) -> Look:
    """kube-proxy follows an object within a second or two: what it is about to write is waited for, but not
    for long. Raises ClusterError, TimeoutError."""
    async with asyncio.timeout(SECONDS):
        agent = (await agents_for(api, {node}))[node]
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            services, slices = await asyncio.gather(
                _objects(api, "/api/v1", "services", namespaces),
                _objects(api, "/apis/discovery.k8s.io/v1", "endpointslices", namespaces),
            )
            seen = await _look(agent, services, namespaces)
            if time.monotonic() >= deadline or is_settled(seen, slices):
                return seen
            await asyncio.sleep(LOOK_AGAIN)


async def _objects(api: Api, group: str, kind: str, namespaces: Collection[str]) -> list[dict]:
    places = [f"{group}/namespaces/{namespace}/{kind}" for namespace in namespaces]
    listed = await asyncio.gather(*(api.request("GET", place) for place in places))
    return [each for answer in listed for each in answer["items"]]


async def _look(agent: Agent, services: list[dict], namespaces: Collection[str]) -> Look:
    saved = _text(await agent.run(["iptables-save", "-c"], seconds=SECONDS))
    if iptables.speaks(saved):
        return Look(Mode.IPTABLES, iptables.read(saved, namespaces), services)
    listed = await agent.run(["nft", "list", "table", "ip", "kube-proxy"], seconds=SECONDS)
    if listed.exit_code:
        return Look(Mode.OTHER, Rules((), {}), services)
    rules = nftables.read(listed.stdout.decode(errors="replace"), namespaces, known_doors(services))
    remembered = _text(await agent.run(["conntrack", "-L"], seconds=SECONDS))
    return Look(Mode.NFTABLES, flows.count(rules, remembered), services)


def _text(done: Completed) -> str:
    if done.exit_code:
        raise AgentError(done.stderr.decode(errors="replace").strip())
    return done.stdout.decode(errors="replace")


def is_settled(seen: Look, slices: Sequence[dict]) -> bool:
    """Whether the rules have the doors of these Services and the endpoints of these slices, and no others."""
    if seen.mode == Mode.OTHER:
        return True
    doors = {(door.address, door.protocol, door.port) for door in seen.rules.doors}
    served = {chain.endpoint for chain in seen.rules.chains.values() if chain.endpoint}
    return known_doors(seen.services).keys() == doors and _endpoints(seen.services, slices) == served


def _endpoints(services: Sequence[dict], slices: Sequence[dict]) -> set[str]:
    """address:port of all that serve a Service which has an address of its own."""
    balanced = {_key(service["metadata"]) for service in services if _has_address(service)}
    return {
        f"{address}:{port['port']}"
        for each in slices
        if (each["metadata"]["namespace"], each["metadata"].get("labels", {}).get(OWNER)) in balanced
        for port in each.get("ports") or []
        for endpoint in each.get("endpoints") or []
        if endpoint.get("conditions", {}).get("ready", True)
        for address in endpoint["addresses"]
    }


def _key(metadata: dict) -> tuple[str, str]:
    return metadata["namespace"], metadata["name"]


def _has_address(service: dict) -> bool:
    return service["spec"].get("clusterIP") not in (None, "", "None")


def known_doors(services: Sequence[dict]) -> dict[tuple[str, str, int], tuple[str, DoorKind]]:
    """Whose an (address, protocol, port) is, and what; a node port's address is empty."""
    known: dict[tuple[str, str, int], tuple[str, DoorKind]] = {}
    for service in filter(_has_address, services):
        spec, given = service["spec"], service.get("status", {}).get("loadBalancer", {}).get("ingress") or []
        kinds = [(spec["clusterIP"], DoorKind.CLUSTER_IP)]
        kinds += [(address, DoorKind.EXTERNAL_IP) for address in spec.get("externalIPs", [])]
        kinds += [(each["ip"], DoorKind.LOAD_BALANCER) for each in given if each.get("ip")]
        for port in spec.get("ports", []):
            name, protocol = name_of(service, port), port.get("protocol", "TCP").lower()
            known |= {(address, protocol, port["port"]): (name, kind) for address, kind in kinds}
            if port.get("nodePort"):
                known["", protocol, port["nodePort"]] = name, DoorKind.NODE_PORT
    return known


def name_of(service: dict, port: dict) -> str:
    """As kube-proxy calls a port of a Service."""
    name = "/".join(_key(service["metadata"]))
    return f"{name}:{port['name']}" if port.get("name") else name
