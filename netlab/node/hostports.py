"""`hostPort`: a port of the node that leads into a pod, by the rules of CNI's plugin `portmap`.

    PREROUTING, OUTPUT -> CNI-HOSTPORT-DNAT -> CNI-DN-<pod>: DNAT to the pod
    POSTROUTING -> CNI-HOSTPORT-MASQ: what the pod or the node itself sends there comes back by the node

A pod's chain and its entries go with the pod.
"""

import asyncio
from dataclasses import dataclass
from hashlib import sha256

from netlab.node.iptables import Iptables
from netlab.node.rules import Chains
from netlab.store import containers_of

_MARK = "0x2000/0x2000"
_LOCAL = "-m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT"
_ENTRIES = (
    ("nat", "PREROUTING", _LOCAL),
    ("nat", "OUTPUT", _LOCAL),
    (
        "nat",
        "POSTROUTING",
        '-m comment --comment "CNI portfwd requiring masquerade" -j CNI-HOSTPORT-MASQ',
    ),
)
Pods = dict[str, tuple[str, tuple["HostPort", ...]]]  # by uid: address and ports


@dataclass(frozen=True)
class HostPort:
    protocol: str
    number: int
    port: int  # in the pod
    address: str = ""  # of the node, where only one is meant


def wanted(pod: dict) -> tuple[HostPort, ...]:
    ports = [port for container in containers_of(pod["spec"]) for port in container.get("ports") or []]
    return tuple(
        HostPort(p.get("protocol", "TCP").lower(), p["hostPort"], p["containerPort"], _one_address(p))
        for p in ports
        if p.get("hostPort")
    )


def _one_address(port: dict) -> str:
    address = port.get("hostIP") or ""
    return "" if address == "0.0.0.0" else address  # noqa: S104 - it is compared


def chains(pods: Pods) -> Chains:
    """The chains of the node's nat table. Pure."""
    entrance, own = [], {}
    for uid, (address, ports) in pods.items():
        name = f"CNI-DN-{sha256(uid.encode()).hexdigest()[:21]}"
        own[name] = [rule for port in ports for rule in _rules(port, address)]
        entrance += [f"{_match(port)} -j {name}" for port in ports]
    return {
        "CNI-HOSTPORT-SETMARK": [
            f'-m comment --comment "CNI portfwd masquerade mark" -j MARK --set-xmark {_MARK}'
        ],
        "CNI-HOSTPORT-MASQ": [f"-m mark --mark {_MARK} -j MASQUERADE"],
        **own,
        "CNI-HOSTPORT-DNAT": entrance,
    }


def _match(port: HostPort) -> str:
    only = f"-d {port.address}/32 " if port.address else ""
    return f"{only}-p {port.protocol} -m {port.protocol} --dport {port.number}"


def _rules(port: HostPort, address: str) -> list[str]:
    marked = [f"-s {source}/32 {_match(port)} -j CNI-HOSTPORT-SETMARK" for source in (address, "127.0.0.1")]
    return [*marked, f"{_match(port)} -j DNAT --to-destination {address}:{port.port}"]


class HostPorts:
    """Of one node."""

    def __init__(self, node: str):
        self._iptables, self._one_write = Iptables(node), asyncio.Lock()
        self._served: Pods = {}

    async def serve(self, pods: Pods) -> None:
        """Of these pods and no others from now on; without any the chains go. Raises CommandError."""
        asking = {uid: one for uid, one in pods.items() if one[1]}
        async with self._one_write:
            if asking != self._served:
                wanted, entries = (chains(asking), _ENTRIES) if asking else ({}, ())
                await self._iptables.apply({"nat": wanted}, entries)
                self._served = asking
