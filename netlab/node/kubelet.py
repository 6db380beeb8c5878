"""One node's agent: registers the node, then gives every pod bound to it a worker.

The workers own their pods' lives; the kubelet only starts them, passes changes on, and hears when one fails.
"""

import asyncio
import contextlib
import logging

from netlab.node import machine
from netlab.node.heartbeat import BEAT_SECONDS, Heartbeat
from netlab.node.uplink import Uplink
from netlab.node.worker import PodWorker
from netlab.store import AlreadyExists, Expired, NotFound, has_ended

_log = logging.getLogger(__name__)


class Kubelet:
    def __init__(self, uplink: Uplink, runtime, node_name: str, beat_seconds: float = BEAT_SECONDS):
        self._store, self._runtime = uplink, runtime
        self._node = runtime.topology.node(node_name)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: set[asyncio.Task] = set()
        self._heartbeat = Heartbeat(uplink, node_name, self._report_pods, beat_seconds)

    async def run(self) -> None:
        """Runs until cancelled; then it ends its pods without grace."""
        await self._store.wait()
        self._register()
        heart = asyncio.create_task(self._heartbeat.run(), name="heartbeat")
        heart.add_done_callback(_hear)
        try:
            while True:
                with contextlib.suppress(Expired):  # too far behind: list again
                    await self._list_and_watch()
        finally:
            heart.cancel()
            await self._stop_all()

    async def _list_and_watch(self) -> None:
        since, pods = self._store.version, self._store.list("pods")
        for pod in pods:
            self._see(pod)
        present = {pod["metadata"]["uid"] for pod in pods}
        for worker in [worker for uid, worker in self._workers.items() if uid not in present]:
            worker.end(0)
        async with self._store.watch("pods", since=since) as changes:
            async for change in changes:
                if not self._store.up:
                    await self._store.wait()
                    return  # what happened meanwhile is seen by listing again
                self._on_change(change)

    def _register(self) -> None:
        runtime = self._runtime
        node = machine.node_object(
            runtime.topology, self._node, runtime.bounds.describe(), runtime.library.listed()
        )
        try:
            self._store.create("nodes", node)
        except AlreadyExists:
            self._store.mutate(
                "nodes", None, self._node.name, lambda known: known.update(status=node["status"])
            )

    def _on_change(self, change) -> None:
        worker = self._workers.get(change.object["metadata"]["uid"])
        if change.type != "DELETED":
            self._see(change.object)
        elif worker:
            worker.end(0)  # forced: the object is gone, the containers must not outlive it

    def _see(self, pod: dict) -> None:
        uid = pod["metadata"]["uid"]
        if uid in self._workers:
            self._workers[uid].update(pod)
        elif pod["spec"].get("nodeName") == self._node.name and not has_ended(pod):
            self._begin(pod)

    def _begin(self, pod: dict) -> None:
        worker = PodWorker(self._store, self._runtime, self._node, pod)
        self._workers[worker.uid] = worker
        worker.update(pod)
        name = f"pod {pod['metadata']['namespace']}/{pod['metadata']['name']}"
        task = asyncio.create_task(worker.run(), name=name)
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._on_end(done, worker))

    def _on_end(self, task: asyncio.Task, worker: PodWorker) -> None:
        self._tasks.discard(task)
        self._workers.pop(worker.uid, None)
        _hear(task)

    def reconnect(self) -> None:
        """The API hears the node again: it says at once what was lost meanwhile."""
        with contextlib.suppress(NotFound):
            self._heartbeat.beat()
        self._report_pods()

    def _report_pods(self) -> None:
        """The control plane has called them unready meanwhile."""
        for worker in self._workers.values():
            worker.report()

    async def _stop_all(self) -> None:
        for worker in self._workers.values():
            worker.end(0)
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _hear(task: asyncio.Task) -> None:
    if not task.cancelled() and task.exception():
        _log.error("%s ended by a fault of netlab", task.get_name(), exc_info=task.exception())
