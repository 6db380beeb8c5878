"""A control plane without machines: real TLS, real HTTP, a fake kubelet that makes pods run at once."""

import asyncio
import socket
import ssl
import sys
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest

from netlab import topology
from netlab.server import ControlPlane
from netlab.store import Store, clock

from .fakes import FakeRuntime, run_pods


@dataclass
class Running:
    """What a test talks to: the store, an admin's HTTP session, and a kubeconfig."""

    plane: ControlPlane
    session: aiohttp.ClientSession
    url: str
    kubeconfig: Path
    runtime: FakeRuntime

    @property
    def store(self) -> Store:
        return self.plane.store

    async def call(self, method: str, path: str, body=None, *, code: int | None = None, **options):
        """The answer's JSON; with `code`, asserts the status."""
        async with self.session.request(method, self.url + path, json=body, **options) as response:
            answer = await response.json(content_type=None)
            assert code is None or response.status == code, answer
            return answer

    async def kubectl(self, *words: str, stdin: str = "") -> str:
        """What it prints to the administrator; a failure fails the test with its reason."""
        process = await asyncio.create_subprocess_exec(
            str(Path(sys.prefix) / "bin" / "kubectl"),
            *("--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.kubeconfig.parent / "cache")),
            *words,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate(stdin.encode())
        assert process.returncode == 0, err.decode()
        return out.decode()


@pytest.fixture
async def plane(tmp_path):
    from netlab.api import authority

    runtime = FakeRuntime()
    running = ControlPlane(topology.build(), tmp_path, runtime)
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    await running.open([listener])
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(authority.kubeconfig(running.authority, url))
    for node in topology.build().nodes:
        running.store.create("nodes", ready_node(node))
    tasks = [asyncio.create_task(running.manager.run()), asyncio.create_task(run_pods(running.store))]
    async with aiohttp.ClientSession(connector=admin_connector(running, tmp_path)) as session:
        yield Running(running, session, url, kubeconfig, runtime)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await running.close()


def admin_connector(plane: ControlPlane, directory: Path) -> aiohttp.TCPConnector:
    context = ssl.create_default_context(cadata=plane.authority.ca_pem.decode())
    pair = plane.authority.admin()
    chain = directory / "admin.pem"
    chain.write_bytes(pair.certificate_pem + pair.key_pem)
    context.load_cert_chain(chain)
    return aiohttp.TCPConnector(ssl=context)


def ready_node(node: topology.Node) -> dict:
    taint = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "labels": {"kubernetes.io/hostname": node.name}},
        "spec": {"podCIDR": str(node.pod_network), **({"taints": [taint]} if node.control_plane else {})},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": clock.now()}],
            "addresses": [{"type": "InternalIP", "address": str(node.address)}],
        },
    }
