"""MetalLB's speaker of one node: answers ARP for the addresses that are this node's to announce."""

from collections import defaultdict
from collections.abc import Callable

from netlab.controllers.podset import is_ready
from netlab.store import Store, events, full_name

from . import ADVERTISEMENTS, NAMESPACE, POOLS, SLICES, address_of, changes
from .arp import Responder
from .election import World, announcer

_WATCHED = {"services", SLICES, "nodes", "pods", POOLS, ADVERTISEMENTS}
_LABELS = {"app": "metallb", "component": "speaker"}


class Speaker:
    def __init__(self, store: Store, node: str):
        self._store, self._node = store, node

    async def run(self, tell: Callable[[str], None]) -> None:
        """Runs until cancelled; then nobody answers here any more."""
        responder = Responder(self._node)
        try:
            async for _ in changes(self._store, _WATCHED):
                self._sync(responder, tell)
        finally:
            responder.close()

    def _sync(self, responder: Responder, tell: Callable[[str], None]) -> None:
        services = {address_of(one): one for one in self._mine()}
        for address in sorted(responder.addresses - set(services)):
            tell(f'"withdrawing service announcement" ip="{address}"')
        fresh = set(services) - responder.addresses
        responder.addresses = set(services)
        for address in sorted(fresh):
            responder.announce(address)
            service = services[address]
            message = f'announcing from node "{self._node}" with protocol "layer2"'
            events.record(
                self._store, service, "nodeAssigned", message, component="metallb-speaker", host=self._node
            )
            told = f'service="{full_name(service)}" ip="{address}" protocol="layer2"'
            tell(f'"service has IP, announcing" {told}')

    def _mine(self) -> list[dict]:
        services = [one for one in self._store.list("services") if address_of(one)]
        if not services:
            return []
        by_service: dict[str, list[dict]] = defaultdict(list)
        for one in self._store.list(SLICES):
            owner = (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
            by_service[f"{one['metadata']['namespace']}/{owner}"].append(one)
        world = self._world()
        return [one for one in services if announcer(one, by_service[full_name(one)], world) == self._node]

    def _world(self) -> World:
        pods = self._store.list("pods", NAMESPACE, labels=_LABELS)
        alive = {
            pod["spec"].get("nodeName", "")
            for pod in pods
            if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        }
        lists = (self._store.list(POOLS), self._store.list(ADVERTISEMENTS))
        return World(self._store.list("nodes"), alive, *lists)
