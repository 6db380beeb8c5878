"""The machine as the control plane sees it: pods on nodes, and doors into them."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from netlab import images
from netlab.controllers.tokens import TokenAuthority
from netlab.faults import Faults
from netlab.images.library import Library
from netlab.images.pulling import Puller
from netlab.node import limits, links, log, netns, streams
from netlab.node.agents import Agents
from netlab.node.containers import SCRATCH, Container
from netlab.node.hostports import HostPorts
from netlab.node.pods import AddressPool, PodSandbox
from netlab.node.processes import reaper
from netlab.node.streams import ExecError, Process
from netlab.node.usage import Meter
from netlab.sandbox import count_ids_inside
from netlab.topology import Topology


class LogError(Exception):
    """There is no log to read; the message says why."""


class Runtime:
    """Create it on the server's event loop and `await start()` before the kubelets run."""

    def __init__(self, topology: Topology, state_dir: Path, images_dir: Path, puller: Puller | None = None):
        self.topology, self.state_dir = topology, state_dir
        self.library, self.puller = Library(images_dir), puller or Puller()
        self.bounds = limits.Limits()
        self.has_groups = count_ids_inside() > 1  # else the group `tty` does not exist
        self._pools = {node.name: AddressPool(node) for node in topology.nodes}
        self._sandboxes: dict[str, PodSandbox] = {}
        self._host_ports = {node.name: HostPorts(node.name) for node in topology.nodes}
        self.agents = Agents()
        self.meter = Meter(self)
        self.faults = Faults(topology)
        self.tokens: TokenAuthority  # the control plane's, for the pods' volumes
        # By node: what must be in place before a pod gets its link.
        self.guards: dict[str, Callable[[dict], Awaitable[None]]] = {}

    async def start(self) -> None:
        """Make the nodes and the network between them."""
        reaper.attach(asyncio.get_running_loop())
        self.puller.listen()
        os.makedirs(SCRATCH)
        await links.lay_fabric(self.topology)

    async def open_pod(self, pod: dict) -> PodSandbox:
        node = self.topology.node(pod["spec"]["nodeName"])
        if node.name in self.guards:
            await self.guards[node.name](pod)
        sandbox = PodSandbox(pod, node, self._pools[node.name], self.bounds)
        try:
            await sandbox.open()
            self._sandboxes[sandbox.uid] = sandbox
            await self._settle_ports(node.name)
        except BaseException:
            await self.close_pod(sandbox)
            raise
        return sandbox

    async def close_pod(self, sandbox: PodSandbox) -> None:
        self._sandboxes.pop(sandbox.uid, None)
        await self.end_pod(sandbox)

    async def end_pod(self, sandbox: PodSandbox) -> None:
        """Its address is free, its logs stay."""
        try:
            sandbox.ports = ()
            await self._settle_ports(sandbox.node.name)
        finally:
            await sandbox.close()

    async def _settle_ports(self, node: str) -> None:
        """Of the pods that are open on the node."""
        present = [one for one in self._sandboxes.values() if one.node.name == node and not one.host_network]
        await self._host_ports[node].serve({one.uid: (str(one.address), one.ports) for one in present})

    @property
    def toolbox(self) -> Path:
        """The root directory of netlab's own tools."""
        return self.library.own_root(images.named("toolbox"))

    def find_container(self, pod: dict, container: str) -> Container | None:
        """The newest run of a container that has started, or None."""
        runs = self._runs(pod, container)
        return runs[-1] if runs else None

    def _runs(self, pod: dict, container: str) -> list[Container]:
        sandbox = self._sandboxes.get(pod["metadata"]["uid"])
        return sandbox.containers.get(container, []) if sandbox else []

    def running_containers(self) -> list[Container]:
        """All that have processes: parts of netlab itself have none."""
        newest = (runs[-1] for sandbox in self._sandboxes.values() for runs in sandbox.containers.values())
        return [one for one in newest if isinstance(one, Container) and one.running]

    def unreachable(self, pod: dict) -> str | None:
        """Why the API does not get through to the pod's kubelet, if so."""
        name = pod["spec"].get("nodeName")
        if not name or self.faults.reaches_api(name):
            return None
        return f"dial tcp {self.topology.node(name).address}:10250: connect: no route to host"

    async def exec(self, pod: dict, container: str, argv: list[str], *, stdin: bool, tty: bool) -> Process:
        """Start `argv` in the container. Raises ExecError, e.g. when there is no such program."""
        return await self._running(pod, container).exec(argv, stdin=stdin, tty=tty)

    async def attach(self, pod: dict, container: str, *, stdin: bool, tty: bool) -> Process:
        """The container's own stdio. Raises ExecError when it is not running."""
        found = self._running(pod, container)
        return streams.Attachment(found.streams, found.ended, stdin=stdin)

    def _running(self, pod: dict, container: str) -> Container:
        found = self.find_container(pod, container)
        if found is None or not found.running:
            raise ExecError(f"container not found or not running ({container})")
        return found

    def logs(
        self,
        pod: dict,
        container: str,
        *,
        follow: bool = False,
        previous: bool = False,
        tail: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
        limit: int | None = None,
    ) -> AsyncIterator[bytes]:
        """What the container wrote. `since` is seconds since 1970. Raises LogError at once."""
        name = pod["metadata"]["name"]
        runs = self._runs(pod, container)
        if previous and len(runs) < 2:
            raise LogError(f'previous terminated container "{container}" in pod "{name}" not found')
        if not runs:
            raise LogError(f'container "{container}" in pod "{name}" is waiting to start: ContainerCreating')
        options = log.Options(follow and not previous, tail, since, timestamps, limit)
        return log.read(runs[-2 if previous else -1].log, options)

    async def dial(self, pod: dict, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TCP connection to 127.0.0.1:port inside the pod. Raises OSError."""
        if not 0 < port < 65536:
            raise ConnectionRefusedError(f"there is no port {port}")
        return await netns.connect(self._network_of(pod).netns, "127.0.0.1", port)

    def door(self, pod: dict) -> tuple[str, Callable[[], socket.socket]]:
        """The pod's address, and what makes sockets in its network. Raises ConnectionRefusedError."""
        sandbox = self._network_of(pod)

        def make() -> socket.socket:
            return netns.inside(sandbox.netns, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))

        return str(sandbox.address), make

    def _network_of(self, pod: dict) -> PodSandbox:
        sandbox = self._sandboxes.get(pod["metadata"]["uid"])
        if sandbox is None:
            raise ConnectionRefusedError(f'pod "{pod["metadata"]["name"]}" has no network yet')
        return sandbox

    async def listen(self, node: str, address: str, port: int) -> socket.socket:
        """A listening TCP socket inside a node's network."""

        def bind() -> socket.socket:
            return socket.create_server((address, port), backlog=128, reuse_port=False)

        return netns.inside(node, bind)
