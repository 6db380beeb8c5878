"""MetalLB's controller: gives each Service of type LoadBalancer an address out of a pool, and takes it back.

A Service whose address somebody else wrote is somebody else's.
"""

from collections.abc import Callable

from netlab.store import Store, events, full_name, key_of

from . import FROM_POOL, POOLS, address_of, changes
from .pools import NoAddress, Pool, choose, pool

_WATCHED = {"services", "namespaces", POOLS}


class AddressController:
    def __init__(self, store: Store):
        self._store = store
        self._failed: dict[str, str] = {}  # Service -> why it has no address, as its event says

    async def run(self, tell: Callable[[str], None]) -> None:
        """Runs until cancelled."""
        async for _ in changes(self._store, _WATCHED):
            self.sync(tell)

    def sync(self, tell: Callable[[str], None]) -> None:
        pools = self._pools(tell)
        services = self._store.list("services")
        self._failed = {key: why for key, why in self._failed.items() if key in map(full_name, services)}
        used = {address: full_name(one) for one in services if (address := address_of(one))}
        for service in services:
            self._settle(service, pools, used, tell)
        for one in pools:
            taken = sum(address in one for address in used)
            self._tell_of_pool(one, taken)

    def _pools(self, tell: Callable[[str], None]) -> list[Pool]:
        found = []
        for obj in self._store.list(POOLS):
            try:
                found.append(pool(obj))
            except ValueError as error:
                tell(f'"Pool is not used" pool="{obj["metadata"]["name"]}" err="{error}"')
        return found

    def _settle(self, service: dict, pools: list[Pool], used: dict[str, str], tell) -> None:
        key, now = full_name(service), address_of(service)
        if not _is_ours(service):
            if now:
                self._write(service, "", "")
                used.pop(now, None)
            return
        others = {address: owner for address, owner in used.items() if owner != key}
        space = self._store.find("namespaces", None, service["metadata"]["namespace"]) or {"metadata": {}}
        try:
            address, name = choose(service, pools, others, space["metadata"].get("labels") or {}, now)
        except NoAddress as error:
            self._fail(service, now, str(error), tell)
            used.pop(now, None)
            return
        self._failed.pop(key, None)
        if address != now:
            used.pop(now, None)
            self._write(service, address, name)
            self._event(service, "IPAllocated", f'Assigned IP ["{address}"]')
            tell(f'"IP address assigned by controller" service="{key}" ip="{address}" pool="{name}"')
        used[address] = key

    def _fail(self, service: dict, now: str, why: str, tell) -> None:
        key = full_name(service)
        if now:
            self._write(service, "", "")
        if self._failed.get(key) != why:
            self._failed[key] = why
            self._event(service, "AllocationFailed", f'Failed to allocate IP for "{key}": {why}', "Warning")
            tell(f'"Failed to allocate IP" service="{key}" err="{why}"')

    def _event(self, service: dict, reason: str, message: str, kind: str = "Normal") -> None:
        events.record(self._store, service, reason, message, type=kind, component="metallb-controller")

    def _write(self, service: dict, address: str, name: str) -> None:
        def change(obj: dict) -> None:
            annotations = obj["metadata"].setdefault("annotations", {})
            annotations.pop(FROM_POOL, None)
            if address:
                annotations[FROM_POOL] = name
            ingress = {"ingress": [{"ip": address, "ipMode": "VIP"}]} if address else {}
            obj.setdefault("status", {})["loadBalancer"] = ingress

        self._store.mutate("services", *key_of(service), change)

    def _tell_of_pool(self, one: Pool, taken: int) -> None:
        told = {"assignedIPv4": taken, "availableIPv4": len(one) - taken}
        told |= {"assignedIPv6": 0, "availableIPv6": 0}
        for obj in self._store.list(POOLS):
            if obj["metadata"]["name"] == one.name:
                namespace = obj["metadata"]["namespace"]
                self._store.mutate(POOLS, namespace, one.name, lambda obj: obj.update(status=told))


def _is_ours(service: dict) -> bool:
    spec = service["spec"]
    wanted = spec.get("type") == "LoadBalancer" and not spec.get("loadBalancerClass")
    written = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return wanted and (not written or bool(address_of(service)))
