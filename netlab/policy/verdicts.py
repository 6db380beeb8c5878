"""What the NetworkPolicies of a cluster mean for each pod of one node. Pure.

A pod that no policy selects is open. One that is selected for a direction is isolated in that direction: only
what some policy allows passes. Policies add up and none can forbid what another allows, so a verdict is one
list of allowances for each direction.

Labels become addresses here. A named port is looked up in the pod that is connected to: the isolated pod
itself for ingress, each peer for egress. A pod on its node's network is the node: no policy selects it.

What a rule lets through is worked out once, and pods under the same rules share one tuple: hundreds of
replicas cost what one does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from netlab.api.selectors import matches
from netlab.store import full_name, has_ended

PortRange = tuple[int, int]  # first and last


@dataclass(frozen=True)
class Allow:
    """One thing let through. None stands for any peer, any protocol, any port of the protocol."""

    policy: str  # namespace/name
    peer: str | None = None  # a network: 10.244.1.2/32
    protocol: str | None = None  # lower case
    ports: PortRange | None = None


Allows = tuple[Allow, ...]


@dataclass(frozen=True)
class Verdict:
    """An isolated pod. A direction that is None is not isolated; an empty tuple lets nothing through."""

    uid: str
    name: str  # namespace/name
    ingress: Allows | None = None
    egress: Allows | None = None


def judge(policies: list[dict], pods: list[dict], namespaces: list[dict], node: str) -> list[Verdict]:
    """The isolated pods among those bound to `node`, ordered by name."""
    world = _World(pods, namespaces)
    subjects = [pod for pod in pods if is_subject(pod) and pod["spec"].get("nodeName") == node]
    parts: dict[str, dict[str, list[Allows]]] = {pod["metadata"]["uid"]: {} for pod in subjects}
    for policy in policies:
        selected = [pod for pod in subjects if selects(policy, pod)]
        for direction in policy["spec"]["policyTypes"] if selected else ():
            rules = [_Rule(world, policy, rule, direction) for rule in _rules(policy, direction)]
            for pod in selected:
                known = parts[pod["metadata"]["uid"]].setdefault(direction.lower(), [])
                known += [rule.allows(pod) for rule in rules]
    union = _Union()
    found = [
        Verdict(uid, full_name(pod), **{direction: union.of(some) for direction, some in parts[uid].items()})
        for pod in subjects
        if parts[uid := pod["metadata"]["uid"]]
    ]
    return sorted(found, key=lambda verdict: verdict.name)


class _Union:
    """Adds up what rules let through, the same rules once."""

    def __init__(self):
        self._made: dict[tuple[int, ...], Allows] = {}

    def of(self, parts: list[Allows]) -> Allows:
        key = tuple(map(id, parts))
        if key not in self._made:
            self._made[key] = tuple(dict.fromkeys(one for part in parts for one in part))
        return self._made[key]


def is_subject(pod: dict) -> bool:
    return not pod["spec"].get("hostNetwork")


def selects(policy: dict, pod: dict) -> bool:
    same_namespace = policy["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same_namespace and matches(policy["spec"].get("podSelector", {}), _labels(pod))


def _rules(policy: dict, direction: str) -> list[dict]:
    return policy["spec"].get(direction.lower()) or []


def _labels(obj: dict) -> dict:
    return obj["metadata"].get("labels") or {}


class _World:
    """Whom a rule can mean: the pods that have an address, and their namespaces' labels."""

    def __init__(self, pods: list[dict], namespaces: list[dict]):
        self.pods = [pod for pod in pods if _is_peer(pod)]
        self._namespaces = {one["metadata"]["name"]: _labels(one) for one in namespaces}

    def select(self, peer: dict, home: str) -> list[dict]:
        """The pods a peer of a policy in namespace `home` means."""
        spaces = {home}
        if "namespaceSelector" in peer:
            selector = peer["namespaceSelector"]
            spaces = {name for name, labels in self._namespaces.items() if matches(selector, labels)}
        selector = peer.get("podSelector", {})
        return [
            pod
            for pod in self.pods
            if pod["metadata"]["namespace"] in spaces and matches(selector, _labels(pod))
        ]

    def within(self, blocks: list[IPv4Network]) -> list[dict]:
        return [pod for pod in self.pods if any(IPv4Address(pod["status"]["podIP"]) in b for b in blocks)]


def _is_peer(pod: dict) -> bool:
    return bool(pod.get("status", {}).get("podIP")) and is_subject(pod) and not has_ended(pod)


class _Rule:
    """One rule of a policy with its peers found: made once, asked for every pod the policy selects."""

    def __init__(self, world: _World, policy: dict, rule: dict, direction: str):
        self._policy, self._is_egress = full_name(policy), direction == "Egress"
        peers = rule.get("to" if self._is_egress else "from")
        home = policy["metadata"]["namespace"]
        by_labels = [peer for peer in peers or [] if "ipBlock" not in peer]
        self._pods = [pod for peer in by_labels for pod in world.select(peer, home)] if peers else world.pods
        blocks = [part for peer in peers or [] if "ipBlock" in peer for part in networks(peer["ipBlock"])]
        self._networks = [*map(_address, self._pods), *map(str, blocks)] if peers else [None]
        self._ports = rule.get("ports") or []
        has_names = any(isinstance(port.get("port"), str) for port in self._ports)
        self._depends_on_pod = has_names and not self._is_egress
        if has_names and self._is_egress:  # a pod in a block has names for its ports like any other
            self._pods = [*self._pods, *world.within(blocks)]
        self._same_for_all: Allows | None = None

    def allows(self, pod: dict) -> Allows:
        """What the rule lets through to or from `pod`."""
        if self._depends_on_pod:
            return tuple(self._allows(pod))
        if self._same_for_all is None:
            self._same_for_all = tuple(self._allows(pod))
        return self._same_for_all

    def _allows(self, pod: dict) -> Iterator[Allow]:
        if not self._ports:
            yield from (Allow(self._policy, network) for network in self._networks)
        for port in self._ports:
            yield from self._on_port(port, pod)

    def _on_port(self, port: dict, pod: dict) -> Iterator[Allow]:
        protocol = port.get("protocol", "TCP").lower()
        if self._is_egress and isinstance(port.get("port"), str):
            ends = [(_address(peer), _numbers(port, protocol, peer)) for peer in self._pods]
        else:
            ends = [(network, _numbers(port, protocol, pod)) for network in self._networks]
        for network, numbers in ends:
            yield from (Allow(self._policy, network, protocol, one) for one in numbers)


def _address(pod: dict) -> str:
    return f"{pod['status']['podIP']}/32"


def _numbers(port: dict, protocol: str, target: dict) -> list[PortRange | None]:
    """The port numbers meant at the pod `target`: none when it has no port of that name."""
    number = port.get("port")
    if number is None:
        return [None]
    if isinstance(number, int):
        return [(number, port.get("endPort") or number)]
    return [
        (one["containerPort"], one["containerPort"])
        for one in _container_ports(target)
        if one.get("name") == number and one.get("protocol", "TCP").lower() == protocol
    ]


def _container_ports(pod: dict) -> Iterator[dict]:
    sidecars = [c for c in pod["spec"].get("initContainers") or [] if c.get("restartPolicy") == "Always"]
    for container in (*pod["spec"]["containers"], *sidecars):
        yield from container.get("ports") or []


def networks(block: dict) -> list[IPv4Network]:
    """An ipBlock as the networks that are left of it without its exceptions; of IPv6 nothing is."""
    if ":" in block["cidr"]:
        return []
    left = [IPv4Network(block["cidr"], strict=False)]
    for hole in block.get("except") or []:
        left = [part for one in left for part in _without(one, IPv4Network(hole, strict=False))]
    return sorted(left)


def _without(network: IPv4Network, hole: IPv4Network) -> list[IPv4Network]:
    if not network.overlaps(hole):
        return [network]
    return [] if network.subnet_of(hole) else list(network.address_exclude(hole))
