"""Containers whose program is a part of netlab's own server: a node's kube-proxy and kindnet, an add-on.

Such a container has no process and no files, but all else of it is real. What the part does is the pod's log.
To delete the pod stops the part, whose rules stay in the kernel as they are, and the next pod takes it up
again. A configuration it cannot work by ends it with the reason, and the pod comes into CrashLoopBackOff.
"""

import asyncio
import re
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Protocol

import yaml

from netlab import images
from netlab.node.log import STDERR, Log
from netlab.node.proxy import MODES
from netlab.node.streams import ExecError

Tell = Callable[[str], None]


class Part(Protocol):
    async def run(self, tell: Callable[[str], None]) -> None:
        """Runs until cancelled; `tell` writes a line of the log."""


Work = Callable[[Tell], Awaitable[None]]
_PROXY_KNOWN = {"apiVersion", "kind", "mode", "clusterCIDR"}
_NO_IPVS = (
    'proxy mode "ipvs" is not available in netlab: it is deprecated since Kubernetes 1.35, and inside a user '
    "namespace the kernel's ip_vs cannot be had; iptables and nftables are there"
)
_serial = count(1)


class AgentFailure(Exception):
    """The part cannot work as it is told to; the message is the end of its log."""


class AgentContainer:
    """What `containers.Container` is to the kubelet, around a coroutine of this process."""

    def __init__(self, sandbox, name: str):
        self.sandbox, self.name = sandbox, name
        self.id = f"{sandbox.uid}-{name}-agent-{next(_serial)}"
        self.log = Log()
        self.started_at = self.finished_at = 0.0
        self.out_of_memory = False
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._task: asyncio.Task | None = None

    def start(self, work: Work) -> None:
        self.started_at = time.time()
        self._task = asyncio.create_task(self._run(work), name=f"agent {self.id}")

    async def _run(self, work: Work) -> None:
        code = 1
        try:
            await work(lambda text: self._write("I", text))
            code = 0
        except asyncio.CancelledError:
            code = 0  # told to stop
        except AgentFailure as failure:
            self._write("E", str(failure))
        except Exception:  # noqa: BLE001 - its pod's log is where it is told
            self._write("E", traceback.format_exc())
        finally:
            self.finished_at = time.time()
            self.log.end()
            self.ended.set_result(code)

    def _write(self, severity: str, text: str) -> None:
        """A line as Kubernetes' own programs write it."""
        now = datetime.now(UTC)
        self.log.append(STDERR, f"{severity}{now:%m%d %H:%M:%S.%f} {1:7} {self.name}] {text}\n".encode())

    @property
    def running(self) -> bool:
        return not self.ended.done()

    def signal(self, number: int) -> None:
        self._task.cancel()

    async def stop(self, grace: float) -> None:
        self._task.cancel()
        await asyncio.shield(self.ended)

    async def exec(self, argv: list[str], *, stdin: bool, tty: bool):
        raise ExecError(
            f"{self.name} is a part of netlab's own server: there is no file system to run {argv[0]} in. "
            "Its rules are the node's: read them from a pod with hostNetwork and NET_ADMIN"
        )

    @property
    def streams(self):
        raise ExecError(f"{self.name} is a part of netlab's own server: its log is all it says")

    def read_termination_file(self, limit: int) -> str:
        return ""

    def forget_termination_file(self) -> None:
        pass


class Agents:
    """The parts that pods of their namespaces (`images.AGENT_NAMESPACES`) may run, by node and image."""

    def __init__(self):
        self._parts: dict[tuple[str | None, str], Part] = {}

    def offer(self, node: str | None, name: str, part: Part) -> None:
        """`part.run(tell)` is what a container of this image does on this node; None means on any node."""
        self._parts[node, name] = part

    def work(self, pod: dict, spec: dict, name: str, volumes: dict[str, Path]) -> Work:
        """Raises AgentFailure when this pod may not run it here."""
        part = self._parts.get((pod["spec"]["nodeName"], name)) or self._parts.get((None, name))
        home = images.AGENT_NAMESPACES[name]
        if part is None or pod["metadata"]["namespace"] != home:
            raise AgentFailure(f"{name} runs in {home} only, from what netlab installs there")
        if name == "kube-proxy":
            return lambda tell: _run_proxy(part, _config_file(spec, volumes), _verbosity(spec), tell)
        return part.run


async def _run_proxy(proxy, path: Path, verbosity: int, tell: Tell) -> None:
    config = _proxy_config(path)
    mode = config.get("mode") or "iptables"
    if mode == "ipvs":
        raise AgentFailure(_NO_IPVS)
    if mode not in MODES:
        raise AgentFailure(f'unknown proxy mode "{mode}": iptables and nftables are there')
    for name in sorted(set(config) - _PROXY_KNOWN):
        tell(f'"Configuration has no effect in netlab" field="{name}"')
    tell(f'"Using {mode} Proxier" verbosity={verbosity}')
    proxy.mode, proxy.verbosity = mode, verbosity
    if config.get("clusterCIDR"):
        proxy.pod_network = str(config["clusterCIDR"])
    await proxy.run(tell)


def _verbosity(spec: dict) -> int:
    """The number of `--v=`, as all programs of Kubernetes take it. Raises AgentFailure."""
    words = [*spec.get("command", []), *spec.get("args", [])]
    text = next((word.partition("=")[2] for word in words if re.match(r"--?v=", word)), "0")
    if not text.isdecimal():
        raise AgentFailure(f'invalid argument "{text}" for "-v, --v" flag: a number is wanted')
    return int(text)


def _proxy_config(path: Path) -> dict:
    try:
        config = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise AgentFailure(f"failed to load configuration: {error}") from error
    if not isinstance(config, dict) or config.get("kind") != "KubeProxyConfiguration":
        raise AgentFailure('failed to load configuration: no kind "KubeProxyConfiguration" is in it')
    return config


def _config_file(spec: dict, volumes: dict[str, Path]) -> Path:
    """Where the file of `--config=` lies on the node. Raises AgentFailure."""
    words = [*spec.get("command", []), *spec.get("args", [])]
    path = Path(next((word.partition("=")[2] for word in words if word.startswith("--config=")), ""))
    for mount in spec.get("volumeMounts") or []:
        if path.is_relative_to(mount["mountPath"]) and mount["name"] in volumes:
            return volumes[mount["name"]] / path.relative_to(mount["mountPath"])
    raise AgentFailure(f'failed to load configuration: no file "{path}" is mounted (see --config)')
