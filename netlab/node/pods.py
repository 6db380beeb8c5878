"""What the containers of one pod share: namespaces, an address, and a directory bounded in size.

/run/netlab/pods/<uid>/fs       tmpfs of limited size: writable layers and emptyDir volumes
/run/netlab/pods/<uid>/volumes  what the node writes for the pod: configMap, secret, projected, hosts ...
/run/netlab/pods/<uid>/bundles  the runtime's configuration of each container
"""

from __future__ import annotations

import shutil
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

from netlab import linux
from netlab.node import hostports, limits, links, netns, resolver
from netlab.topology import Node, Topology

if TYPE_CHECKING:
    from netlab.node.containers import Container

PODS_DIR = Path("/run/netlab/pods")


class NoAddressLeft(Exception):
    """Every address of the node's pod network is taken."""


class AddressPool:
    """Hands out a /24 one after another, so that an address freed is not reused at once."""

    def __init__(self, node: Node):
        self._all = list(node.pod_network.hosts())[1:]
        self._next = 0
        self._taken: set[IPv4Address] = set()

    def take(self) -> IPv4Address:
        for step in range(len(self._all)):
            index = (self._next + step) % len(self._all)
            if self._all[index] not in self._taken:
                self._next = index + 1
                self._taken.add(self._all[index])
                return self._all[index]
        raise NoAddressLeft(f"no free address in the node's pod network: all {len(self._all)} are taken")

    def give_back(self, address: IPv4Address) -> None:
        self._taken.discard(address)


class PodSandbox:
    """One pod's place on a node. `open` makes it, `close` leaves nothing."""

    def __init__(self, pod: dict, node: Node, pool: AddressPool, bounds: limits.Limits):
        meta, spec = pod["metadata"], pod["spec"]
        self.uid, self.name, self.namespace = meta["uid"], meta["name"], meta["namespace"]
        self.node, self._pool, self._bounds = node, pool, bounds
        self.host_network = bool(spec.get("hostNetwork"))
        self.hostname = node.name if self.host_network else (spec.get("hostname") or self.name)[:63]
        self.netns = node.name if self.host_network else f"cni-{self.uid}"
        self.address = node.address if self.host_network else pool.take()
        self.directory = PODS_DIR / self.uid
        self.containers: dict[str, list] = {}
        self.closed = False
        self.ports = hostports.wanted(pod)
        self.pause: Container | None = None  # holds the pod's pid namespace, where its containers share one
        wanted = (spec.get("securityContext") or {}).get("sysctls") or []
        self._sysctls = {one["name"]: one["value"] for one in wanted}

    async def open(self) -> None:
        for name in ("fs", "volumes", "bundles"):
            (self.directory / name).mkdir(parents=True)
        options = f"mode=755,size={limits.POD_DISK},nr_inodes=65536"
        linux.mount("tmpfs", str(self.directory / "fs"), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, options)
        self._bounds.open_pod(self.uid)
        if not self.host_network:
            netns.create(self.netns, self.hostname, {**links.POD_SYSCTLS, **self._sysctls})
            await links.connect_pod(self.node, links.veth_name(self.uid), self.netns, self.address)

    async def close(self) -> None:
        """Give everything back; a second call does nothing."""
        if self.closed:
            return
        self.closed = True
        if self.pause:
            await self.pause.stop(0)
        if not self.host_network:
            await links.disconnect_pod(self.node, links.veth_name(self.uid))
            netns.destroy(self.netns)
            self._pool.give_back(self.address)
        self._bounds.close_pod(self.uid)
        if (self.directory / "fs").is_mount():
            linux.umount(str(self.directory / "fs"))
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def namespaces(self) -> dict[str, Path]:
        kinds = (("network", "net"), ("ipc", "ipc"), ("uts", "uts"))
        return {oci: netns.path(self.netns, kind) for oci, kind in kinds}

    def write_identity_files(self, pod: dict, topology: Topology) -> dict[str, Path]:
        """/etc/hosts, /etc/hostname and /etc/resolv.conf, by their path in the container."""
        directory = self.directory / "volumes" / "etc"
        directory.mkdir(exist_ok=True)
        texts = {
            "hosts": self._hosts(resolver.full_name(pod, self.hostname)) + _aliases(pod),
            "hostname": f"{self.hostname}\n",
            "resolv.conf": resolver.resolv_conf(pod, topology),
        }
        for name, text in texts.items():
            (directory / name).write_text(text)
        return {f"/etc/{name}": directory / name for name in texts}

    def _hosts(self, full_name: str | None) -> str:
        names = f"{full_name}\t{self.hostname}" if full_name else self.hostname
        return (
            "# Kubernetes-managed hosts file.\n"
            "127.0.0.1\tlocalhost\n"
            "::1\tlocalhost ip6-localhost ip6-loopback\n"
            "fe00::0\tip6-localnet\n"
            "fe00::0\tip6-mcastprefix\n"
            "fe00::1\tip6-allnodes\n"
            "fe00::2\tip6-allrouters\n"
            f"{self.address}\t{names}\n"
        )


def _aliases(pod: dict) -> str:
    entries = pod["spec"].get("hostAliases") or []
    lines = ["\t".join([entry["ip"], *entry.get("hostnames", [])]) + "\n" for entry in entries]
    return "".join(["\n# Entries added by HostAliases.\n", *lines]) if lines else ""
