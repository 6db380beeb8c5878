"""What Kubernetes promises of NetworkPolicies, asked for one connection after another.

Written from the API's documentation alone: it says what the tables must show, on whatever cluster.
"""

from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network


@dataclass(frozen=True)
class Pod:
    namespace: str  # x, y, z
    name: str
    address: str
    labels: dict = field(hash=False, compare=False)
    ports: dict = field(hash=False, compare=False)  # (name, protocol) -> number


@dataclass(frozen=True)
class Connection:
    source: Pod
    target: Pod
    protocol: str
    port: int


@dataclass(frozen=True)
class Evaluator:
    """`policies` are the API's objects, `namespaces` the labels of each."""

    policies: list[dict]
    namespaces: dict[str, dict]

    def allows(self, one: Connection) -> bool:
        if one.source == one.target:
            return True  # a pod always reaches itself
        leaves = self._passes("Egress", one, subject=one.source, other=one.target)
        return leaves and self._passes("Ingress", one, subject=one.target, other=one.source)

    def _passes(self, direction: str, one: Connection, *, subject: Pod, other: Pod) -> bool:
        isolating = [policy for policy in self.policies if _isolates(policy, subject, direction)]
        if not isolating:
            return True
        return any(
            self._has_peer(policy, rule, other) and _has_port(rule, one)
            for policy in isolating
            for rule in policy["spec"].get(direction.lower(), [])
        )

    def _has_peer(self, policy: dict, rule: dict, other: Pod) -> bool:
        peers = rule.get("from") or rule.get("to")
        return not peers or any(self._is_peer(policy, peer, other) for peer in peers)

    def _is_peer(self, policy: dict, peer: dict, other: Pod) -> bool:
        if "ipBlock" in peer:
            return _contains(peer["ipBlock"], other.address)
        if "namespaceSelector" in peer:
            if not fits(peer["namespaceSelector"], self.namespaces[other.namespace]):
                return False
        elif other.namespace != policy["metadata"]["namespace"]:
            return False
        return fits(peer.get("podSelector", {}), other.labels)


def _isolates(policy: dict, pod: Pod, direction: str) -> bool:
    spec = policy["spec"]
    types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
    is_here = policy["metadata"]["namespace"] == pod.namespace
    return is_here and direction in types and fits(spec.get("podSelector", {}), pod.labels)


def _has_port(rule: dict, one: Connection) -> bool:
    return not rule.get("ports") or any(_is_port(entry, one) for entry in rule["ports"])


def _is_port(entry: dict, one: Connection) -> bool:
    protocol, port = entry.get("protocol", "TCP"), entry.get("port")
    if protocol != one.protocol:
        return False
    if isinstance(port, str):
        return one.target.ports.get((port, protocol)) == one.port
    return port is None or port <= one.port <= entry.get("endPort", port)


def _contains(block: dict, address: str) -> bool:
    holes = block.get("except", [])
    return _inside(address, block["cidr"]) and not any(_inside(address, hole) for hole in holes)


def _inside(address: str, cidr: str) -> bool:
    return ip_address(address) in ip_network(cidr, strict=False)


def fits(selector: dict, labels: dict) -> bool:
    wanted = selector.get("matchLabels", {}).items()
    return wanted <= labels.items() and all(
        _OPERATORS[one["operator"]](labels.get(one["key"]), one.get("values", []))
        for one in selector.get("matchExpressions", [])
    )


_OPERATORS = {
    "In": lambda value, values: value in values,
    "NotIn": lambda value, values: value not in values,
    "Exists": lambda value, values: value is not None,
    "DoesNotExist": lambda value, values: value is None,
}
