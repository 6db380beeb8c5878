"""What the cluster looks like, as data: its nodes, networks and addresses. Needs no kernel.

It mirrors kind: nodes on 172.18.0.0/16 behind one bridge, a /24 of 10.244.0.0/16 for each node's pods,
services in 10.96.0.0/16.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from netlab import KUBERNETES_VERSION

MAX_WORKERS = 9
API_PORT = 6443
POD_MTU = 1500
NODE_NETWORK, POD_NETWORK = IPv4Network("172.18.0.0/16"), IPv4Network("10.244.0.0/16")
SERVICE_NETWORK = IPv4Network("10.96.0.0/16")


@dataclass(frozen=True)
class Node:
    name: str
    index: int
    address: IPv4Address
    pod_network: IPv4Network
    control_plane: bool = False

    @property
    def gateway(self) -> IPv4Address:
        """The address every pod of this node sends its packets to."""
        return self.pod_network[1]


@dataclass(frozen=True)
class Topology:
    name: str
    nodes: tuple[Node, ...]
    node_network: IPv4Network = NODE_NETWORK
    pod_network: IPv4Network = POD_NETWORK
    service_network: IPv4Network = SERVICE_NETWORK
    version: str = KUBERNETES_VERSION

    @property
    def laptop(self) -> IPv4Address:
        """The bridge's own address: the machine outside the cluster, and the nodes' way out."""
        return self.node_network[1]

    @property
    def control_plane(self) -> Node:
        return next(node for node in self.nodes if node.control_plane)

    @property
    def workers(self) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if not node.control_plane)

    @property
    def api_service_address(self) -> IPv4Address:
        """ClusterIP of the Service default/kubernetes."""
        return self.service_network[1]

    @property
    def dns_service_address(self) -> IPv4Address:
        return self.service_network[10]

    def node(self, name: str) -> Node:
        """Raises KeyError for a name that is no node."""
        return {node.name: node for node in self.nodes}[name]


def build(*, workers: int = 2, name: str = "redes") -> Topology:
    """A cluster with one control plane and `workers` workers (1 to MAX_WORKERS), else ValueError."""
    if not 1 <= workers <= MAX_WORKERS:
        raise ValueError(f"a cluster has 1 to {MAX_WORKERS} workers, not {workers}")
    names = [f"{name}-control-plane", *(_worker_name(name, number) for number in range(1, workers + 1))]
    blocks = list(POD_NETWORK.subnets(new_prefix=24))
    nodes = [Node(n, i, NODE_NETWORK[i + 2], blocks[i], control_plane=i == 0) for i, n in enumerate(names)]
    return Topology(name, tuple(nodes))


def _worker_name(cluster: str, number: int) -> str:
    return f"{cluster}-worker" if number == 1 else f"{cluster}-worker{number}"
