"""Which node announces an address. Pure: every speaker reckons the same from the same objects."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

from netlab.api.selectors import matches

from . import FROM_POOL, address_of

EXCLUDED = "node.kubernetes.io/exclude-from-external-load-balancers"
_INTERFACE = "eth0"


@dataclass
class World:
    """What is to be known about the cluster to choose."""

    nodes: list[dict]
    speakers: set[str]  # the nodes where one runs
    pools: list[dict]
    advertisements: list[dict]


def announcer(service: dict, slices: list[dict], world: World) -> str | None:
    """The node whose hash with the address is the smallest, among those that may; None: nobody may."""
    address, pool = address_of(service), _pool(service, world)
    holders = set(_holders(slices))
    if not address or pool is None or not holders:
        return None
    nodes = [node for node in world.nodes if _may(node, pool, world)]
    names = {node["metadata"]["name"] for node in nodes}
    if service["spec"].get("externalTrafficPolicy") == "Local":
        names &= holders
    return min(names, key=lambda name: sha256(f"{name}#{address}".encode()).digest(), default=None)


def _pool(service: dict, world: World) -> dict | None:
    name = service["metadata"]["annotations"][FROM_POOL] if address_of(service) else ""
    return next((one for one in world.pools if one["metadata"]["name"] == name), None)


def _holders(slices: list[dict]) -> Iterable[str | None]:
    """The nodes of the ready endpoints."""
    for one in slices:
        for endpoint in one.get("endpoints") or []:
            if (endpoint.get("conditions") or {}).get("ready") is not False:
                yield endpoint.get("nodeName")


def _may(node: dict, pool: dict, world: World) -> bool:
    labels = node["metadata"].get("labels") or {}
    if node["metadata"]["name"] not in world.speakers or EXCLUDED in labels:
        return False
    return any(_advertises(one["spec"], pool) and _from(one["spec"], labels) for one in world.advertisements)


def _advertises(spec: dict, pool: dict) -> bool:
    """Without names and selectors an advertisement is for all pools."""
    names, selectors = spec.get("ipAddressPools") or [], spec.get("ipAddressPoolSelectors") or []
    labels = pool["metadata"].get("labels") or {}
    named = pool["metadata"]["name"] in names or any(matches(one, labels) for one in selectors)
    return named or not (names or selectors)


def _from(spec: dict, labels: dict) -> bool:
    selectors, interfaces = spec.get("nodeSelectors") or [], spec.get("interfaces") or []
    on_wire = not interfaces or _INTERFACE in interfaces
    return on_wire and (not selectors or any(matches(one, labels) for one in selectors))
