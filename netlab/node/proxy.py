"""kube-proxy of one node: keeps the node's rules as Services and EndpointSlices want them.

What it writes depends on its mode: chains of iptables, or a table of nftables. In both, a sync looks only at
the Services that changed and writes only what that changes.
"""

import asyncio
import time
from collections.abc import Callable, Iterator

from netlab.node import netns, nftrules, rules
from netlab.node.healthchecks import HealthChecks
from netlab.node.iptables import Iptables
from netlab.node.processes import CommandError, run
from netlab.node.services import ServicePort, ServiceReader, health_checks

MODES = ("iptables", "nftables")
_WATCHED = {"services", "endpointslices.discovery.k8s.io"}
_RETRY_SECONDS = 1.0
Tell = Callable[[str], None]


class KubeProxy:
    """`mode`, `verbosity` and `pod_network` are the configuration; they hold from the next `run` on."""

    def __init__(self, store, runtime, node_name: str):
        self._store, self._node = store, runtime.topology.node(node_name)
        self.pod_network = str(runtime.topology.pod_network)
        self._service_network = str(runtime.topology.service_network)
        self.mode, self.verbosity = "iptables", 0
        self._reader = ServiceReader(node_name)
        self._iptables = Iptables(node_name)
        self._nft: nftrules.Ruleset | None = None  # None: no table is there
        self._ports: list[ServicePort] = []
        # conntrack and nft come with the toolbox: two programs less that the host must have.
        self._toolbox = runtime.toolbox
        self._checks = HealthChecks(runtime, node_name)

    async def run(self, tell: Tell) -> None:
        """Runs until cancelled, and may be run again: what it has put into the kernel is remembered."""
        try:
            while True:
                await self._run_once(tell)
        finally:
            await self._checks.serve({})

    async def _run_once(self, tell: Tell) -> None:
        since, began = self._store.version, time.monotonic()
        try:
            written = await self.sync(tell)
        except (CommandError, OSError) as error:
            tell(f'"Failed to write the rules" mode="{self.mode}" err="{error}"')
            self._nft = None
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            self._tell_of_sync(tell, written, time.monotonic() - began)
            await self._store.until(since, lambda change: change.resource in _WATCHED)

    def _tell_of_sync(self, tell: Tell, written: list[str], seconds: float) -> None:
        if not written:
            return
        counts = f"servicePorts={len(self._ports)} endpoints={sum(len(p.endpoints) for p in self._ports)}"
        elapsed = f'rulesWritten={len(written)} elapsed="{seconds * 1000:.1f}ms"'
        tell(f'"SyncProxyRules complete" {counts} {elapsed}')
        if self.verbosity >= 5:
            for line in written:
                tell(f'"Wrote" rule="{line}"')

    async def sync(self, tell: Tell = lambda text: None) -> list[str]:
        """Bring the kernel's rules to what the store says now; the rules written.

        Raises CommandError; then call it again.
        """
        services = self._store.list("services")
        slices = self._store.list("endpointslices.discovery.k8s.io")
        ports = self._reader.read(services, slices)
        for level, line in differences(self._ports, ports):
            if self.verbosity >= level:
                tell(line)
        by_iptables = self.mode == "iptables"
        await self._iptables.apply(
            rules.tables(ports, self.pod_network) if by_iptables else rules.masquerading(self.pod_network),
            rules.ENTRIES if by_iptables else rules.MASQUERADING_ENTRIES,
        )
        written = [*self._iptables.written, *(await self._write_nftables(ports))]
        await self._forget_flows(ports)
        await self._checks.serve(health_checks(services, ports))
        return written

    async def _write_nftables(self, ports: list[ServicePort]) -> list[str]:
        if self.mode != "nftables":
            if self._nft is not None:
                await self._nftables(nftrules.GONE)
            self._nft = None
            return []
        written: list[str] = []
        if self._nft is None:
            await self._nftables(nftrules.base(str(self._node.address), self._service_network))
        before, self._nft = self._nft or nftrules.Ruleset(), None  # unknown until all is written
        wanted = nftrules.ruleset(ports, self.pod_network)
        for text in nftrules.pieces(before, wanted):
            await self._nftables(text)
            written += text.splitlines()
        self._nft = wanted
        return written

    async def _nftables(self, text: str) -> None:
        await self._in_node("nft", "-f", "-", stdin=text.encode())

    async def _forget_flows(self, ports: list[ServicePort]) -> None:
        """A UDP flow has no end: conntrack would send it to a former endpoint for as long as it is used."""
        for filters in stale_flows(self._ports, ports):
            await self._in_node("conntrack", "-D", "-p", "udp", *filters, ok=(0, 1))  # 1: no such flow
        self._ports = ports

    async def _in_node(self, *argv: str, stdin: bytes = b"", ok: tuple[int, ...] = (0,)) -> None:
        await run(netns.command(self._node.name, *argv, root=self._toolbox), stdin=stdin, ok=ok)


def stale_flows(old: list[ServicePort], new: list[ServicePort]) -> Iterator[list[str]]:
    """conntrack's filters for the UDP flows that the change from `old` to `new` makes wrong."""
    now = {port.name: port for port in new if port.protocol == "udp"}
    for before in (port for port in old if port.protocol == "udp"):
        after = now.get(before.name)
        if after is before:
            continue
        kept = {endpoint.address for endpoint in after.endpoints} if after else set()
        for address in sorted({endpoint.address for endpoint in before.endpoints} - kept):
            for ip in before.addresses:
                yield ["--orig-dst", ip, "--dst-nat", address]
            if before.node_port:
                yield ["--orig-port-dst", str(before.node_port), "--dst-nat", address]
        if after and after.endpoints and not before.endpoints:  # remembered as refused
            for ip in after.addresses:
                yield ["--orig-dst", ip]
            if after.node_port:
                yield ["--orig-port-dst", str(after.node_port)]


def differences(old: list[ServicePort], new: list[ServicePort]) -> Iterator[tuple[int, str]]:
    """(verbosity, line of the log) for each service port that came, went or got other endpoints."""
    before = {(port.name, port.protocol): port for port in old}
    after = {(port.name, port.protocol): port for port in new}
    for key, port in after.items():
        known = before.get(key)
        if known is port:
            continue
        if known is None:
            where = f"{port.cluster_ip}:{port.port}/{port.protocol.upper()}"
            yield 1, f'"Adding new service port" portName="{port.name}" servicePort="{where}"'
        if known is None or known.endpoints != port.endpoints:
            listed = ",".join(f'"{endpoint}"' for endpoint in port.endpoints)
            yield 3, f'"Setting endpoints for service port name" portName="{port.name}" endpoints=[{listed}]'
    for key in before.keys() - after.keys():
        yield 1, f'"Removing service port" portName="{before[key].name}"'
