"""MetalLB's part on netlab: addresses for Services of type LoadBalancer, announced by ARP (layer 2).

`controller` gives addresses out of IPAddressPools. A `speaker` on each node answers ARP for those that are
this node's to announce; all speakers reckon the same announcer for an address, so they need not talk.
Both are parts of netlab's server (netlab/node/agents.py) in MetalLB's own pods, with its own kinds.
"""

from collections.abc import AsyncIterator, Collection

from netlab.store import Store

POOLS, ADVERTISEMENTS = "ipaddresspools.metallb.io", "l2advertisements.metallb.io"
SLICES = "endpointslices.discovery.k8s.io"
NAMESPACE = "metallb-system"
FROM_POOL = "metallb.io/ip-allocated-from-pool"


async def changes(store: Store, watched: Collection[str]) -> AsyncIterator[None]:
    """Once now, then after each change of these resources; what came meanwhile counts as one."""
    while True:
        since = store.version
        yield
        await store.until(since, lambda event: event.resource in watched)


def address_of(service: dict) -> str:
    """The address a pool gave, as the status says; "" where none did."""
    if FROM_POOL not in (service["metadata"].get("annotations") or {}):
        return ""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or [{}]
    return entries[0].get("ip", "")
