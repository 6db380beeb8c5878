"""The composition root: store, API, controllers and node agents on one asyncio loop.

`main` is what runs inside the box as its first process. It ends on SIGTERM or SIGINT, or when a part
that must live has died: half a cluster would lie to its users.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from netlab.addons import install as addons
from netlab.addons.certificates.controller import CertificateController
from netlab.addons.loadbalancer.controller import AddressController
from netlab.addons.loadbalancer.speaker import Speaker
from netlab.api import admission
from netlab.api.app import Api
from netlab.api.authority import Authority, kubeconfig, write_private
from netlab.controllers import bootstrap
from netlab.controllers.aggregation import RoleAggregator
from netlab.controllers.apiservices import ApiServiceKeeper
from netlab.controllers.autoscaler import AutoscalerController
from netlab.controllers.cronjob import CronJobController
from netlab.controllers.customs import DefinitionController
from netlab.controllers.daemonset import DaemonSetController
from netlab.controllers.deployment import DeploymentController
from netlab.controllers.disruption import DisruptionController
from netlab.controllers.endpoints import EndpointsController
from netlab.controllers.garbage import GarbageCollector
from netlab.controllers.job import JobController
from netlab.controllers.manager import Manager, Stepper
from netlab.controllers.namespaces import NamespaceController
from netlab.controllers.nodelifecycle import GRACE_SECONDS, NodeLifecycleController
from netlab.controllers.placement import readiness_reason
from netlab.controllers.replicaset import ReplicaSetController, ReplicationManager
from netlab.controllers.scheduler import Scheduler
from netlab.controllers.signing import SigningController
from netlab.controllers.statefulset import StatefulSetController
from netlab.controllers.storage import StorageController
from netlab.controllers.tainteviction import TaintEvictionController
from netlab.controllers.tokens import TokenAuthority
from netlab.controllers.upkeep import EventKeeper, PodKeeper, QuotaController
from netlab.images.pulling import Puller
from netlab.node.disks import DiskKeeper
from netlab.node.heartbeat import BEAT_SECONDS
from netlab.node.proxy import KubeProxy
from netlab.node.runtime import Runtime
from netlab.nodes import Nodes
from netlab.policy.agent import PolicyAgent
from netlab.store import Store
from netlab.topology import API_PORT, Topology

log = logging.getLogger(__name__)
_STOP_SECONDS = 2


@dataclass(frozen=True)
class ServerConfig:
    """What the launcher hands to the server inside its namespaces.

    `owner` is the uid and gid that shall own the kubeconfig, or None. `ready_fd` is written one line of
    JSON when every node is Ready, then closed. Without `enforce_policy` NetworkPolicies are stored only, as
    on a cluster whose network plugin does not know them.
    """

    state_dir: Path
    images_dir: Path
    topology: Topology
    owner: tuple[int, int] | None = None
    ready_fd: int | None = None
    enforce_policy: bool = True
    addons: tuple[str, ...] = addons.ALL
    node_grace: float = GRACE_SECONDS
    puller: Puller = field(default_factory=Puller)


def main(listener: socket.socket, config: ServerConfig) -> int:
    """Serve until told to stop; the exit code: 0 when told, 1 when a part died."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s")
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    return asyncio.run(_serve(listener, config))


async def _serve(listener: socket.socket, config: ServerConfig) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runtime = Runtime(config.topology, config.state_dir, config.images_dir, config.puller)
    await runtime.start()
    control_plane = ControlPlane(config.topology, config.state_dir, runtime, config.node_grace)
    for obj in addons.manifests(config.topology, with_kindnet=config.enforce_policy, addons=config.addons):
        control_plane.make(obj)
    sockets = [listener, await _listen_inside(runtime, config.topology)]
    await control_plane.open(sockets)
    _write_kubeconfig(control_plane.authority, listener, config)
    tasks = [
        _start_nodes(control_plane.store, runtime, config),
        asyncio.create_task(control_plane.manager.run(), name="controllers"),
        asyncio.create_task(runtime.meter.run(), name="meter"),
        asyncio.create_task(_announce(control_plane.store, config), name="announcement"),
    ]
    stopping = asyncio.create_task(stop.wait())
    code = await _until_over(tasks, stopping)
    await _end([*tasks, stopping], control_plane)
    return code


class ControlPlane:
    """The store with everything that serves and tends it, without nodes: also what tests start."""

    def __init__(
        self, topology: Topology, state_dir: Path, runtime: Runtime, node_grace: float = GRACE_SECONDS
    ):
        self.store = Store()
        self.authority = Authority(state_dir)
        tokens = runtime.tokens = TokenAuthority(self.store, self.authority.tokens.key)
        address = str(topology.control_plane.address)
        bootstrap.populate(
            self.store,
            api_address=address,
            api_port=API_PORT,
            service_address=str(topology.api_service_address),
        )
        self.api = Api(self.store, runtime, tokens, address=f"{address}:{API_PORT}")
        self._ca_pem = self.authority.ca_pem.decode()
        self._settle_namespaces()  # before the first request
        self._services = ApiServiceKeeper(self.store, self.api.catalogue)
        self._services.sync(())
        parts = [*controllers(self.store, self._ca_pem, node_grace), self._services, DiskKeeper()]
        parts.append(AutoscalerController(self.store, runtime.meter.usage))
        parts.append(SigningController(self.store, self.authority.ca.key, self.authority.ca.certificate))
        self.manager = Manager(self.store, parts)
        self._runner: web.AppRunner | None = None

    def make(self, obj: dict) -> None:
        """Store an object that the cluster itself brings along, completed as anybody's."""
        kind = self.api.catalogue.named(obj["apiVersion"], obj["kind"])
        if kind.namespaced:
            obj["metadata"].setdefault("namespace", "default")
        admission.admit_new(self.store, kind, obj)
        self.store.create(kind.stored_as, obj)
        if kind.name == "Namespace":
            self._settle_namespaces()

    def _settle_namespaces(self) -> None:
        """A pod cannot be made in a namespace without its service account."""
        Stepper(self.store, [NamespaceController(self.store, self._ca_pem)]).settle()

    async def open(self, sockets: list[socket.socket]) -> None:
        """Serve the API with TLS on these listening sockets."""
        # A watch or an exec must end when its client goes, hence the cancelling.
        self._runner = web.AppRunner(
            self.api.app(), handler_cancellation=True, access_log=None, shutdown_timeout=_STOP_SECONDS
        )
        await self._runner.setup()
        context = self.authority.server_context()
        for listening in sockets:
            site = web.SockSite(self._runner, listening, ssl_context=context)
            await site.start()

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()


def controllers(store: Store, ca_pem: str, node_grace: float = GRACE_SECONDS) -> list:
    return [
        NamespaceController(store, ca_pem),
        DefinitionController(store),
        RoleAggregator(store),
        DeploymentController(store),
        ReplicaSetController(store),
        ReplicationManager(store),
        DaemonSetController(store),
        StatefulSetController(store),
        JobController(store),
        CronJobController(store),
        StorageController(store),
        Scheduler(store),
        EndpointsController(store),
        GarbageCollector(store),
        QuotaController(store),
        DisruptionController(store),
        PodKeeper(store),
        NodeLifecycleController(store, node_grace),
        TaintEvictionController(store),
        EventKeeper(store),
    ]


async def _listen_inside(runtime: Runtime, topology: Topology) -> socket.socket:
    node = topology.control_plane
    return await runtime.listen(node.name, str(node.address), API_PORT)


def _start_nodes(store: Store, runtime: Runtime, config: ServerConfig) -> asyncio.Task:
    """The kubelets. The other agents of a node run in pods that its kubelet starts."""
    names = [node.name for node in config.topology.nodes]
    runtime.agents.offer(None, "metallb-controller", AddressController(store))
    runtime.agents.offer(None, "cert-manager", CertificateController(store))
    for name in names:
        runtime.agents.offer(name, "metallb-speaker", Speaker(store, name))
        runtime.agents.offer(name, "kube-proxy", KubeProxy(store, runtime, name))
        if config.enforce_policy:
            runtime.agents.offer(name, "kindnet", PolicyAgent(store, runtime, name))
    nodes = Nodes(store, runtime, min(BEAT_SECONDS, config.node_grace / 4))
    return asyncio.create_task(nodes.run(config.state_dir), name="nodes")


def _write_kubeconfig(authority: Authority, listener: socket.socket, config: ServerConfig) -> None:
    port = listener.getsockname()[1]
    path = config.state_dir / "kubeconfig"
    text = kubeconfig(authority, f"https://127.0.0.1:{port}", cluster=config.topology.name)
    write_private(path, text.encode())
    if config.owner:
        os.chown(path, *config.owner)


async def _announce(store: Store, config: ServerConfig) -> None:
    """Tell the launcher when every node is Ready."""
    expected = len(config.topology.nodes)
    async with store.watch("nodes", since=0) as changes:
        while sum(readiness_reason(node) is None for node in store.list("nodes")) < expected:
            await anext(changes)
    if config.ready_fd is not None:
        with os.fdopen(config.ready_fd, "w") as pipe:
            pipe.write(json.dumps({"ready": True, "nodes": expected}) + "\n")
    await asyncio.Event().wait()  # a task that ends is a part that died


async def _until_over(tasks: list[asyncio.Task], stopping: asyncio.Task) -> int:
    await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
    dead = [task for task in tasks if task.done()]
    for task in dead:
        log.error("%s has ended", task.get_name(), exc_info=task.exception())
    return 1 if dead else 0


async def _end(tasks: list[asyncio.Task], control_plane: ControlPlane) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await asyncio.gather(*tasks, return_exceptions=True)
            await control_plane.close()
