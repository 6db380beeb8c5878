"""kube-proxy of one node: keeps the node's iptables rules as Services and EndpointSlices want them.

Only chains that changed are written. Inside a user namespace one iptables transaction must stay small (its
netlink message has to fit the socket buffer, which cannot be raised there), so a change is sent in pieces,
each chain after those it jumps to: no moment has a jump into nothing.
"""

import asyncio
import time
from collections.abc import Callable, Iterator

from netlab import images
from netlab.node import netns, rules
from netlab.node.processes import CommandError, run
from netlab.node.services import ServicePort, service_ports
from netlab.store import Expired

_WATCHED = {"services", "endpointslices.discovery.k8s.io"}
_LINES = 150
_RETRY_SECONDS = 1.0


class KubeProxy:
    def __init__(self, store, runtime, node_name: str):
        self._store, self._node = store, runtime.topology.node(node_name)
        self.pod_network = str(runtime.topology.pod_network)
        self._written = 0  # rules, since the last look
        self._applied: dict[str, rules.Chains] = {"nat": {}, "filter": {}}
        self._ports: list[ServicePort] = []
        # conntrack comes with the toolbox: one program less that the host must have.
        self._toolbox = runtime.image_root(images.find(images.TOOLBOX))
        self._entered = False

    async def run(self, tell: Callable[[str], None]) -> None:
        """Runs until cancelled, and may be run again: what it has put into the kernel is remembered."""
        while True:
            since, began = self._store.version, time.monotonic()
            try:
                await self.sync()
            except CommandError as error:
                tell(f'"Failed to execute iptables-restore" err="{error}"')
                await asyncio.sleep(_RETRY_SECONDS)
            else:
                self._tell_of_sync(tell, time.monotonic() - began)
                await self._next_change(since)

    def _tell_of_sync(self, tell: Callable[[str], None], seconds: float) -> None:
        if self._written:
            counts = f"servicePorts={len(self._ports)} endpoints={sum(len(p.endpoints) for p in self._ports)}"
            elapsed = f'rulesWritten={self._written} elapsed="{seconds * 1000:.1f}ms"'
            tell(f'"SyncProxyRules complete" {counts} {elapsed}')
        self._written = 0

    async def _next_change(self, since: int) -> None:
        try:
            async with self._store.watch(since=since) as changes:
                async for change in changes:
                    if change.resource in _WATCHED:
                        return
        except Expired:
            return

    async def sync(self) -> None:
        """Bring the kernel's rules to what the store says now. Raises CommandError; then call it again."""
        services = self._store.list("services")
        slices = self._store.list("endpointslices.discovery.k8s.io")
        ports = service_ports(services, slices, self._node.name)
        wanted = rules.tables(ports, self.pod_network)
        for table, chains in wanted.items():
            await self._apply(table, chains)
        await self._forget_flows(ports)
        if not self._entered:
            await self._enter()

    async def _apply(self, table: str, chains: rules.Chains) -> None:
        old = self._applied[table]
        # Until all is written, nobody knows what the kernel holds: a failure rewrites every chain.
        self._applied[table] = dict.fromkeys([*old, *chains])
        for piece in pieces(table, old, chains):
            await self._restore(piece)
        self._applied[table] = chains

    async def _forget_flows(self, ports: list[ServicePort]) -> None:
        """A UDP flow has no end: conntrack would send it to a former endpoint for as long as it is used."""
        for filters in stale_flows(self._ports, ports):
            conntrack = ["chroot", str(self._toolbox), "conntrack", "-D", "-p", "udp", *filters]
            # 1: there was no such flow
            await run(["nsenter", f"--net={netns.path(self._node.name)}", *conntrack], ok=(0, 1))
        self._ports = ports

    async def _enter(self) -> None:
        """Lead the kernel's own chains into ours, once these exist."""
        for table in ("nat", "filter"):
            lines = [f"-A {chain} {rule}" for where, chain, rule in rules.ENTRIES if where == table]
            await self._restore("\n".join([f"*{table}", *lines, "COMMIT", ""]))
        self._entered = True

    async def _restore(self, text: str) -> None:
        self._written += text.count("\n-A ")
        await run(
            ["nsenter", f"--net={netns.path(self._node.name)}", "iptables-restore", "--noflush", "--wait"],
            stdin=text.encode(),
        )


def stale_flows(old: list[ServicePort], new: list[ServicePort]) -> Iterator[list[str]]:
    """conntrack's filters for the UDP flows that the change from `old` to `new` makes wrong."""
    now = {port.name: port for port in new if port.protocol == "udp"}
    for before in (port for port in old if port.protocol == "udp"):
        after = now.get(before.name)
        kept = {endpoint.address for endpoint in after.endpoints} if after else set()
        for address in sorted({endpoint.address for endpoint in before.endpoints} - kept):
            yield ["--orig-dst", before.cluster_ip, "--dst-nat", address]
        if after and after.endpoints and not before.endpoints:
            yield ["--orig-dst", before.cluster_ip]  # remembered as refused


def pieces(table: str, old: rules.Chains, new: rules.Chains) -> Iterator[str]:
    """Texts for iptables-restore that turn `old` into `new`, in an order that is safe at every step."""
    lines: list[str] = []
    for chain, wanted in new.items():
        if old.get(chain) == wanted:
            continue
        block = [f":{chain} - [0:0]", *(f"-A {chain} {rule}" for rule in wanted)]
        if len(lines) + len(block) > _LINES and lines:
            yield _transaction(table, lines)
            lines = []
        while len(block) > _LINES:
            yield _transaction(table, block[:_LINES])
            block = block[_LINES:]
        lines += block
    gone = [chain for chain in old if chain not in new]
    lines += [f":{chain} - [0:0]" for chain in gone]
    if lines:
        yield _transaction(table, lines)
    for start in range(0, len(gone), _LINES):
        yield _transaction(table, [f"-X {chain}" for chain in gone[start : start + _LINES]])


def _transaction(table: str, lines: list[str]) -> str:
    return "\n".join([f"*{table}", *lines, "COMMIT", ""])
