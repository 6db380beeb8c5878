"""What NetworkPolicies say of a connection, by the letter of networking.k8s.io/v1.

It is the spec verdict that stands beside what the packets did. A pod is isolated in a direction once a
policy of its namespace selects it for that direction; then only what some rule allows may pass, and
both ends must allow it. See https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from django.utils.translation import gettext_noop as _

Words = tuple[str, dict[str, object]]  # a msgid with its facts


@dataclass(frozen=True)
class Peer:
    """A pod as policies see it; `ports` are its named ports by (name, protocol)."""

    name: str
    namespace: str
    address: str
    labels: Mapping[str, str]
    namespace_labels: Mapping[str, str]
    ports: Mapping[tuple[str, str], int] = field(default_factory=dict)


@dataclass(frozen=True)
class Side:
    """One direction at one pod: the policies that isolate it, and the policy and rule (from 1) that
    lets the connection pass."""

    pod: str
    isolated_by: tuple[str, ...]
    allowed_by: tuple[str, int] | None

    @property
    def is_allowed(self) -> bool:
        return not self.isolated_by or self.allowed_by is not None

    def told(self) -> dict:
        policy, rule = self.allowed_by or ("", 0)
        return {"isolated_by": list(self.isolated_by), "policy": policy, "rule": rule}


@dataclass(frozen=True)
class Ruling:
    egress: Side
    ingress: Side

    @property
    def is_allowed(self) -> bool:
        return self.egress.is_allowed and self.ingress.is_allowed

    def told(self) -> dict:
        return {"allowed": self.is_allowed, "egress": self.egress.told(), "ingress": self.ingress.told()}

    def why(self) -> Words:
        """The sentence that explains it, as a msgid with its facts."""
        for side in (self.egress, self.ingress):
            if not side.is_allowed:
                named = ", ".join(side.isolated_by)
                return _("%(policies)s isolates %(pod)s and no rule lets this pass"), {
                    "policies": named,
                    "pod": side.pod,
                }
        for side in (self.ingress, self.egress):
            if side.allowed_by:
                policy, rule = side.allowed_by
                return _("rule %(rule)s of %(policy)s lets this pass"), {"rule": rule, "policy": policy}
        return _("no policy isolates %(pod)s"), {"pod": self.ingress.pod}


def rule_on(source: Peer, target: Peer, policies: Sequence[dict], *, protocol: str, port: int) -> Ruling:
    """What `policies` (API objects of all namespaces) say of a connection from source to target."""
    matches = partial(_port_matches, protocol=protocol.upper(), port=port, named=target.ports)
    egress = _side(source, target, policies, "Egress", matches)
    return Ruling(egress, _side(target, source, policies, "Ingress", matches))


def _side(pod: Peer, other: Peer, policies: Sequence[dict], direction: str, matches) -> Side:
    selecting = [each for each in policies if _selects(each, pod, direction)]
    names = tuple(each["metadata"]["name"] for each in selecting)
    for policy in selecting:
        for number, rule in enumerate(policy["spec"].get(direction.lower()) or [], start=1):
            peers = rule.get("from" if direction == "Ingress" else "to") or []
            home = policy["metadata"]["namespace"]
            if _any_peer(peers, other, home) and _any_port(rule.get("ports") or [], matches):
                return Side(pod.name, names, (policy["metadata"]["name"], number))
    return Side(pod.name, names, None)


def _selects(policy: dict, pod: Peer, direction: str) -> bool:
    if policy["metadata"]["namespace"] != pod.namespace or direction not in policy_types(policy):
        return False
    return selector_matches(policy["spec"].get("podSelector") or {}, pod.labels)


def policy_types(policy: dict) -> list[str]:
    """The directions a policy isolates: ingress always, unless it says otherwise; egress if it has rules."""
    spec = policy["spec"]
    return spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def _any_peer(peers: list[dict], other: Peer, home: str) -> bool:
    return not peers or any(_peer_matches(peer, other, home) for peer in peers)


def _peer_matches(peer: dict, other: Peer, home: str) -> bool:
    if "ipBlock" in peer:
        return _block_holds(peer["ipBlock"], other.address)
    namespaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    in_place = (
        other.namespace == home
        if namespaces is None
        else selector_matches(namespaces, other.namespace_labels)
    )
    return in_place and (pods is None or selector_matches(pods, other.labels))


def _block_holds(block: dict, address: str) -> bool:
    if not address:
        return False  # a pod without an address is in no block
    here = ipaddress.ip_address(address)
    within = lambda cidr: here in ipaddress.ip_network(cidr, strict=False)  # noqa: E731
    return within(block["cidr"]) and not any(map(within, block.get("except") or []))


def _any_port(ports: list[dict], matches) -> bool:
    return not ports or any(map(matches, ports))


def _port_matches(told: dict, *, protocol: str, port: int, named: Mapping[tuple[str, str], int]) -> bool:
    if told.get("protocol", "TCP") != protocol:
        return False
    first = told.get("port")
    if first is None:
        return True
    if isinstance(first, str):
        return named.get((first, protocol)) == port
    return first <= port <= told.get("endPort", first)


def selector_matches(selector: dict, labels: Mapping[str, str]) -> bool:
    """An empty selector matches everything."""
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression_holds(each, labels) for each in selector.get("matchExpressions") or [])


def _expression_holds(expression: dict, labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    return {
        "In": key in labels and labels.get(key) in values,
        "NotIn": labels.get(key) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }[expression["operator"]]
