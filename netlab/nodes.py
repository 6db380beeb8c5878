"""The nodes' power and cables, and the socket by which their owner cuts and mends them.

`<state>/server/control` takes a line of JSON, `{"act": "stop", "nodes": ["redes-worker"]}`, and answers by
one: the faults there are now, or `{"error": ...}`. Its directory is the owner's alone.
"""

import asyncio
import json
import os
from pathlib import Path

from netlab.control import SOCKET
from netlab.faults import Faults, Refused
from netlab.node import links
from netlab.node.kubelet import Kubelet
from netlab.node.uplink import Uplink


class Nodes:
    def __init__(self, store, runtime, beat_seconds: float):
        self._store, self._runtime, self._beat_seconds = store, runtime, beat_seconds
        self._topology = runtime.topology
        self._faults: Faults = runtime.faults
        self._one_act = asyncio.Lock()
        self._kubelets: dict[str, tuple[Kubelet, Uplink, asyncio.Task]] = {}
        self._fault: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self, state_dir: Path) -> None:
        """Runs until cancelled, or until a kubelet fails."""
        for node in self._topology.nodes:
            self._power_on(node.name)
        path = state_dir / SOCKET
        server = await asyncio.start_unix_server(self._serve, path)
        os.chmod(path, 0o600)
        try:
            await self._fault
        finally:
            server.close()
            await asyncio.gather(*(self._power_off(name) for name in list(self._kubelets)))

    def _power_on(self, name: str) -> None:
        uplink = Uplink(self._store)
        uplink.set(self._faults.reaches_api(name))
        kubelet = Kubelet(uplink, self._runtime, name, self._beat_seconds)
        task = asyncio.create_task(kubelet.run(), name=f"kubelet {name}")
        task.add_done_callback(self._on_end)
        self._kubelets[name] = kubelet, uplink, task

    def _on_end(self, task: asyncio.Task) -> None:
        if not task.cancelled() and task.exception() and not self._fault.done():
            self._fault.set_exception(task.exception())

    async def _power_off(self, name: str) -> None:
        """The pods die with the node, and nobody tells the API."""
        _, uplink, task = self._kubelets.pop(name)
        uplink.set(False)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def act(self, act: str, names: list[str]) -> None:
        """Raises Refused."""
        async with self._one_act:
            self._faults.apply(act, names)
            await self._wire()
            for node in self._topology.nodes:
                await self._settle(node.name)

    async def _wire(self) -> None:
        nodes = self._topology.nodes
        await links.batch(None, [links.plug_command(node, self._faults.plugged(node.name)) for node in nodes])
        for node in nodes:
            barred = [self._topology.node(name).index for name in self._faults.barred(node.name)]
            await links.bar(self._runtime.toolbox, node, barred)

    async def _settle(self, name: str) -> None:
        if name in self._faults.stopped:
            if name in self._kubelets:
                await self._power_off(name)
            return
        if name not in self._kubelets:
            return self._power_on(name)
        kubelet, uplink, _ = self._kubelets[name]
        was_up, up = uplink.up, self._faults.reaches_api(name)
        uplink.set(up)
        if up and not was_up:
            kubelet.reconnect()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = json.loads(await reader.readline())
        try:
            if request["act"] != "status":
                await self.act(request["act"], request["nodes"])
            answer = self._faults.as_facts()
        except Refused as refusal:
            answer = {"error": str(refusal)}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()
