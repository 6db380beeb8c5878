"""One node's agent: registers the node, then gives every pod bound to it a worker.

The workers own their pods' lives; the kubelet only starts them, passes changes on, and hears when one fails.
"""

import asyncio
import contextlib
import logging

from netlab.node import machine
from netlab.node.heartbeat import Heartbeat
from netlab.node.worker import PodWorker
from netlab.store import AlreadyExists, Expired

_log = logging.getLogger(__name__)


class Kubelet:
    def __init__(self, store, runtime, node_name: str):
        self._store, self._runtime = store, runtime
        self._node = runtime.topology.node(node_name)
        self._workers: dict[str, PodWorker] = {}
        self._tasks: set[asyncio.Task] = set()

    async def run(self) -> None:
        """Runs until cancelled; then it ends its pods without grace."""
        self._register()
        heartbeat = Heartbeat(self._store, self._node.name, on_return=self._report_pods)
        heart = asyncio.create_task(heartbeat.run(), name="heartbeat")
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
        elif pod["spec"].get("nodeName") == self._node.name and not _is_over(pod):
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


def _is_over(pod: dict) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")
