"""Pods and Services come and go: what is gone leaves nothing in memory."""

import asyncio
import gc
import sys

from netlab import topology
from netlab.controllers import upkeep
from netlab.node import rules
from netlab.node.heartbeat import LEASES
from netlab.node.heartbeat import NAMESPACE as NAMESPACE_OF_LEASES
from netlab.node.services import ServiceReader
from netlab.store import clock

from .worlds import NAMESPACE, PODS, pod, service

POD_NETWORK = str(topology.build().pod_network)


class Proxies:
    """What the three nodes' kube-proxies work out at each change, without a kernel to tell."""

    def __init__(self, store):
        self._store, self._readers = store, [ServiceReader(node.name) for node in topology.build().nodes]

    async def run(self) -> None:
        async with self._store.watch() as changes:
            async for _ in changes:
                services = self._store.list("services")
                slices = self._store.list("endpointslices.discovery.k8s.io")
                for reader in self._readers:
                    rules.tables(reader.read(services, slices), POD_NETWORK)


def hear_of_nodes(store) -> None:
    """No kubelet renews a Lease here, and the rounds may take longer than a silent node is believed in."""
    for node in store.list("nodes"):
        meta = {"name": node["metadata"]["name"], "namespace": NAMESPACE_OF_LEASES}
        spec = {"renewTime": clock.now(offset=3600)}
        kind = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
        store.create(LEASES, {**kind, "metadata": meta, "spec": spec})


async def churn(plane, rounds: int, width: int = 10) -> None:
    """In each round a Service and its pods are made, become ready and are deleted."""
    for number in range(rounds):
        names = {f"churn-{number}-{n}" for n in range(width)}
        await plane.call("POST", f"{NAMESPACE}/services", service("churn"), code=201)
        for name in names:
            one = pod(name)
            one["metadata"]["labels"] = {"app": "churn"}
            await plane.call("POST", PODS, one, code=201)
        await until(plane.store, lambda: len(ready(plane.store)) == width)
        await plane.call("DELETE", f"{NAMESPACE}/services/churn", code=200)
        for name in names:
            await plane.call("DELETE", f"{PODS}/{name}", code=200)
        await until(plane.store, lambda: not plane.store.list("pods") and not ready(plane.store))


def ready(store) -> list[dict]:
    slices = store.list("endpointslices.discovery.k8s.io", "default")
    ours = [one for one in slices if one["metadata"]["labels"]["kubernetes.io/service-name"] == "churn"]
    return [each for one in ours for each in one["endpoints"] if each["conditions"].get("ready")]


async def until(store, so) -> None:
    async with asyncio.timeout(60), store.watch(since=max(store.version - 1, 0)) as changes:
        while not so():
            await anext(changes)


def blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


async def test_after_many_rounds_memory_holds_what_it_held_after_few(plane, monkeypatch):
    monkeypatch.setattr(upkeep, "_MOST_EVENTS", 100)
    plane.store._log._kept = 400
    hear_of_nodes(plane.store)
    proxies = asyncio.create_task(Proxies(plane.store).run())
    await churn(plane, 20)  # fills the history of changes; 200 Events have been made, of which 100 are kept
    before = blocks()
    await churn(plane, 10)
    grown = blocks() - before
    proxies.cancel()
    assert grown < 1000, f"{grown} blocks for 100 pods"
