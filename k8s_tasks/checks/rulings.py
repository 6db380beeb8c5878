"""What the NetworkPolicies of a session say of the platform's probes, read from the cluster.

A packet that vanished proves a policy only where a policy forbids it: a student is root in the
source pod, and could let its packets die one router away.
"""

import asyncio

from django.utils.translation import gettext_noop as _

from k8s_tasks.checks.policies import Peer, Ruling, rule_on
from k8s_tasks.checks.probing import Probe
from k8s_tasks.checks.round import Round

UNEXPLAINED = _(
    "The probe from %(source)s was lost before %(target)s, but no NetworkPolicy forbids it: something else"
    " stopped it, so nothing can be concluded."
)


async def rule_on_all(round: Round, probes: list[Probe]) -> dict[Probe, Ruling]:
    """What the NetworkPolicies of the session's namespaces say of each pair; pairs of which an end is not
    there are left out."""
    peers, policies = await read_policies(round)
    known = [probe for probe in probes if peers.keys() >= set(probe.ends)]
    return {
        probe: rule_on(
            peers[probe.source], peers[probe.target], policies, protocol=probe.protocol, port=probe.port
        )
        for probe in known
    }


async def read_policies(round: Round) -> tuple[dict[str, Peer], list[dict]]:
    found = await asyncio.gather(*(_read_namespace(round, key) for key in ("", *round.facts.namespaces)))
    peers = {name: peer for its, _policies in found for name, peer in its.items()}
    return peers, [policy for _peers, its in found for policy in its]


async def _read_namespace(round: Round, key: str) -> tuple[dict[str, Peer], list[dict]]:
    name = round.facts.namespaces[key] if key else round.facts.namespace
    namespace, pods, policies = await asyncio.gather(
        round.get("v1", "Namespace", name=name),
        round.get("v1", "Pod", namespace=key),
        round.get("networking.k8s.io/v1", "NetworkPolicy", namespace=key),
    )
    labels = (namespace or {}).get("metadata", {}).get("labels") or {}
    peers = [_peer(pod, labels) for pod in (pods or {}).get("items", [])]
    homes = round.facts.homes
    ours = {peer.name: peer for peer in peers if homes.get(peer.name, name) == name}
    return ours, (policies or {}).get("items", [])


def _peer(pod: dict, namespace_labels: dict) -> Peer:
    ports = {
        (port["name"], port.get("protocol", "TCP")): port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or []
        if "name" in port
    }
    metadata = pod["metadata"]
    address = pod.get("status", {}).get("podIP", "")
    return Peer(
        metadata["name"],
        metadata["namespace"],
        address,
        metadata.get("labels") or {},
        namespace_labels,
        ports,
    )
