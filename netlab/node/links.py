"""The wires: a bridge between the nodes, and one point-to-point veth for each pod, as kindnet lays them.

A pod's end is `eth0` with its address; the node's end carries the gateway address of the node's pod network
and a route to that one pod. So a packet between two pods of one node passes the node's routing (TTL 63)
and between two nodes passes both (TTL 62), and every packet can be filtered in FORWARD.

The commands are made by pure functions and run with `ip -batch`, one process per namespace.
"""

from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path

from netlab.node import netns
from netlab.node.processes import run
from netlab.topology import POD_MTU, Node, Topology

BRIDGE = "br-redes"
NODE_SYSCTLS = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.conf.all.route_localnet": "1",
    "net.ipv4.ping_group_range": "0 0",
    "net.ipv4.ip_unprivileged_port_start": "0",
}
POD_SYSCTLS = {
    "net.ipv4.ping_group_range": "0 0",
    "net.ipv4.ip_unprivileged_port_start": "0",
}


def veth_name(pod_uid: str) -> str:
    return "veth" + sha256(pod_uid.encode()).hexdigest()[:8]


def bridge_commands(topology: Topology) -> list[str]:
    return [
        "link set lo up",
        f"link add {BRIDGE} type bridge forward_delay 0",
        f"addr add {topology.laptop}/{topology.node_network.prefixlen} dev {BRIDGE}",
        f"link set {BRIDGE} up",
        f"route add {topology.pod_network} via {topology.control_plane.address} dev {BRIDGE}",
    ]


def cable_commands(node: Node) -> list[str]:
    """Run outside the node: a veth from the bridge to the node's eth0."""
    port = f"port{node.index}"
    return [
        f"link add {port} type veth peer name eth0 address {cable_address(node.index)} netns {node.name}",
        f"link set {port} master {BRIDGE} up",
    ]


def cable_address(index: int) -> str:
    """The hardware address of the eth0 of the node with this index."""
    return f"02:42:ac:12:00:{index + 2:02x}"


def plug_command(node: Node, plugged: bool) -> str:
    return f"link set port{node.index} {'up' if plugged else 'down'}"


def bar_script(indexes: list[int]) -> str:
    """For nft: a node loses what comes from the cables of these others, whatever its address."""
    gone = "table inet netlab_link\ndelete table inet netlab_link\n"
    if not indexes:
        return gone
    sources = ", ".join(cable_address(index) for index in indexes)
    hook = "type filter hook prerouting priority -350"
    rule = f'iifname "eth0" ether saddr {{ {sources} }} drop'
    return f"{gone}table inet netlab_link {{\n chain cut {{ {hook};\n {rule}\n }}\n}}\n"


def node_commands(topology: Topology, node: Node) -> list[str]:
    others = [other for other in topology.nodes if other is not node]
    return [
        "link set lo up",
        f"addr add {node.address}/{topology.node_network.prefixlen} broadcast + dev eth0",
        "link set eth0 up",
        f"route add default via {topology.laptop} dev eth0",
        *(f"route add {other.pod_network} via {other.address} dev eth0" for other in others),
    ]


def node_end_commands(node: Node, veth: str, pod_netns: str, address: IPv4Address) -> list[str]:
    return [
        f"link add {veth} mtu {POD_MTU} type veth peer name eth0 mtu {POD_MTU} netns {pod_netns}",
        f"addr add {node.gateway}/32 dev {veth}",
        f"link set {veth} up",
        f"route add {address}/32 dev {veth} scope host",
    ]


def pod_end_commands(node: Node, address: IPv4Address) -> list[str]:
    network, gateway = node.pod_network, node.gateway
    return [
        "link set lo up",
        f"addr add {address}/{network.prefixlen} broadcast + dev eth0",
        "link set eth0 up",
        f"route del {network} dev eth0",
        f"route add {gateway} dev eth0 scope link src {address}",
        f"route add {network} via {gateway} dev eth0 src {address}",
        f"route add default via {gateway} dev eth0",
    ]


async def lay_fabric(topology: Topology) -> None:
    """Make the bridge, every node's namespaces and the cables between them."""
    for node in topology.nodes:
        netns.create(node.name, node.name, NODE_SYSCTLS)
    await batch(None, bridge_commands(topology) + [c for n in topology.nodes for c in cable_commands(n)])
    for node in topology.nodes:
        await batch(node.name, node_commands(topology, node))
        netns.inside(node.name, lambda: netns.send_checksums_in_software("eth0"))


async def connect_pod(node: Node, veth: str, pod_netns: str, address: IPv4Address) -> None:
    await batch(node.name, node_end_commands(node, veth, pod_netns, address))
    await batch(pod_netns, pod_end_commands(node, address))
    netns.inside(pod_netns, lambda: netns.send_checksums_in_software("eth0"))
    netns.inside(node.name, lambda: netns.send_checksums_in_software(veth))


async def disconnect_pod(node: Node, veth: str) -> None:
    """Take the veth and its route away at once; silent when they are gone already."""
    await run(["ip", "-n", node.name, "link", "del", veth], ok=(0, 1))


async def bar(toolbox: Path, node: Node, indexes: list[int]) -> None:
    """Raises CommandError."""
    nft = netns.command(node.name, "nft", "-f", "-", root=toolbox)
    await run(nft, stdin=bar_script(indexes).encode())


async def batch(namespace: str | None, commands: list[str]) -> None:
    """Run `ip` commands in one namespace, all or an error. Raises CommandError."""
    where = ["-n", namespace] if namespace else []
    await run(["ip", *where, "-batch", "-"], stdin="\n".join(commands).encode() + b"\n")
