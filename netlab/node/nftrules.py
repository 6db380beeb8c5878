"""The nftables rules of kube-proxy (mode nftables), as text. Pure.

One table, `ip kube-proxy`, holds them all, with the names of upstream's proxier. What is there whatever
the Services are stands in BASE. The rest is chains of Services and endpoints, and maps that lead from
addresses and ports to them: a change adds and deletes single elements and never rewrites a map.
"""

import re
from base64 import b32encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256

from netlab.node.rules import Chains
from netlab.node.services import Endpoint, ServicePort

TABLE = "ip kube-proxy"
_LINES = 100  # what one message to the kernel holds inside a user namespace
_MARK = "0x4000"

Maps = dict[str, dict[str, str]]  # name of the map or set -> element -> its value ("" in a set)


# Chains that are there whatever the Services are: `name (hook): rule; rule`.
_STATIC = f"""
reject-chain: reject
mark-for-masquerade: mark set mark or {_MARK}
masquerading: mark and {_MARK} == 0 return; mark set mark xor {_MARK}; masquerade fully-random
cluster-ips-check: ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
nodeport-endpoints-check: ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
service-endpoints-check: ip daddr . meta l4proto . th dport vmap @no-endpoint-services
firewall-check: ip daddr . meta l4proto . th dport vmap @firewall-ips
services: ip daddr . meta l4proto . th dport vmap @service-ips; \
ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
filter-prerouting (filter hook prerouting priority -110): ct state new jump firewall-check
filter-input (filter hook input priority -110): ct state new jump nodeport-endpoints-check; \
ct state new jump service-endpoints-check
filter-forward (filter hook forward priority -110): ct state new jump service-endpoints-check; \
ct state new jump cluster-ips-check
filter-output (filter hook output priority -110): ct state new jump service-endpoints-check; \
ct state new jump firewall-check
filter-output-post-dnat (filter hook output priority -90): ct state new jump cluster-ips-check
nat-prerouting (nat hook prerouting priority -100): jump services
nat-output (nat hook output priority -100): jump services
nat-postrouting (nat hook postrouting priority 100): jump masquerading
"""
_STATIC_LINE = re.compile(r"([\w-]+)(?: \((.+?)\))?: (.+)")
_TO_PORT, _TO_DOOR = "inet_proto . inet_service : verdict", "ipv4_addr . inet_proto . inet_service : verdict"
_FILLED = {
    "cluster-ips": ("set", "ipv4_addr", "Active ClusterIPs"),
    "firewall-ips": ("map", _TO_DOOR, "destinations that are subject to LoadBalancerSourceRanges"),
    "no-endpoint-nodeports": (
        "map", _TO_PORT, "vmap to drop or reject packets to service nodeports with no endpoints",
    ),
    "no-endpoint-services": (
        "map", _TO_DOOR, "vmap to drop or reject packets to services with no endpoints",
    ),
    "service-ips": ("map", _TO_DOOR, "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
    "service-nodeports": ("map", _TO_PORT, "NodePort traffic"),
}  # fmt: skip
GONE = f"add table {TABLE}\ndelete table {TABLE}\n"


@dataclass
class Ruleset:
    chains: Chains = field(default_factory=dict)  # each after those it leads to
    affinities: dict[str, int] = field(default_factory=dict)  # set of remembered clients -> seconds
    elements: Maps = field(default_factory=lambda: {name: {} for name in _FILLED})


def base(node_address: str, service_network: str) -> str:
    """The whole table without any Service; what was there before is gone."""
    lines = [
        f'add table {TABLE} {{ comment "rules for kube-proxy" ; }}',
        f'add set {TABLE} nodeport-ips {{ type ipv4_addr; comment "IPs that accept NodePort traffic"; }}',
        f"add element {TABLE} nodeport-ips {{ {node_address} }}",
    ]
    for name, (kind, types, comment) in _FILLED.items():
        lines.append(f'add {kind} {TABLE} {name} {{ type {types}; comment "{comment}"; }}')
    chains = [_STATIC_LINE.fullmatch(line).groups() for line in _STATIC.strip().splitlines()]
    lines += [
        f"add chain {TABLE} {name}" + (f" {{ type {hook}; }}" if hook else "") for name, hook, _ in chains
    ]
    for name, _, rules in chains:
        lines += [f"add rule {TABLE} {name} {rule}" for rule in rules.split("; ")]
    unallocated = f'ip daddr {service_network} drop comment "Drop traffic to unallocated ClusterIPs"'
    lines.append(f"add rule {TABLE} cluster-ips-check {unallocated}")
    return GONE + "\n".join(lines) + "\n"


def ruleset(ports: list[ServicePort], pod_network: str) -> Ruleset:
    """What these services add to the table, as seen from one node."""
    rules = Ruleset()
    for port in ports:
        rules.elements["cluster-ips"][port.cluster_ip] = ""
        (_add_service if port.endpoints else _refuse)(rules, port, pod_network)
    return rules


def _add_service(rules: Ruleset, port: ServicePort, pod_network: str) -> None:
    for one in port.endpoints:
        rules.chains[_endpoint_chain(port, one)] = _endpoint_rules(rules, port, one)
    name = _service_chain("service", port)
    from_outside = f"ip daddr {port.cluster_ip} {port.protocol} dport {port.port} ip saddr != {pod_network}"
    masquerade = [f"{from_outside} jump mark-for-masquerade"]
    rules.chains[name] = [*masquerade, *_choice(port, port.endpoints)]
    local = tuple(one for one in port.endpoints if one.local)
    if (port.internal_local or port.external_local) and local:
        rules.chains[_service_chain("local", port)] = _choice(port, local)
    key = f"{port.cluster_ip} . {port.protocol} . {port.port}"
    if not port.internal_local:
        rules.elements["service-ips"][key] = f"goto {name}"
    elif local:
        rules.elements["service-ips"][key] = f"goto {_service_chain('local', port)}"
    else:
        rules.elements["no-endpoint-services"][key] = "drop"
    if port.has_external:
        _add_external(rules, port, pod_network, name, bool(local))
    if port.source_ranges and port.balancer_ips:
        ranges, firewall = ", ".join(port.source_ranges), _service_chain("firewall", port)
        rules.chains[firewall] = [f"ip saddr != {{ {ranges} }} drop"]
        for ip in port.balancer_ips:
            rules.elements["firewall-ips"][f"{ip} . {port.protocol} . {port.port}"] = f"goto {firewall}"


def _ways_in(port: ServicePort) -> Iterator[tuple[str, str, str]]:
    """From outside: the map that leads to endpoints, the map of refusals, and the element in both."""
    for ip in (*port.external_ips, *port.balancer_ips):
        yield "service-ips", "no-endpoint-services", f"{ip} . {port.protocol} . {port.port}"
    if port.node_port:
        yield "service-nodeports", "no-endpoint-nodeports", f"{port.protocol} . {port.node_port}"


def _add_external(rules: Ruleset, port: ServicePort, pod_network: str, name: str, has_local: bool) -> None:
    external = _service_chain("external", port)
    if not port.external_local:
        rules.chains[external] = ["jump mark-for-masquerade", f"goto {name}"]
    else:
        rules.chains[external] = [
            f'ip saddr {pod_network} goto {name} comment "short-circuit pod traffic"',
            'fib saddr type local jump mark-for-masquerade comment "masquerade local traffic"',
            f'fib saddr type local goto {name} comment "short-circuit local traffic"',
            *([f"goto {_service_chain('local', port)}"] if has_local else []),
        ]
    for way, refusal, key in _ways_in(port):
        rules.elements[way][key] = f"goto {external}"
        if port.external_local and not has_local:
            rules.elements[refusal][key] = "drop"


def _refuse(rules: Ruleset, port: ServicePort, pod_network: str) -> None:
    key = f"{port.cluster_ip} . {port.protocol} . {port.port}"
    rules.elements["no-endpoint-services"][key] = "goto reject-chain"
    for _, refusal, key in _ways_in(port):
        rules.elements[refusal][key] = "goto reject-chain"


def _endpoint_rules(rules: Ruleset, port: ServicePort, one: Endpoint) -> list[str]:
    hairpin = f"ip saddr {one.address} jump mark-for-masquerade"
    rewrite = f"meta l4proto {port.protocol} dnat to {one}"
    if not port.affinity_seconds:
        return [hairpin, rewrite]
    name = _affinity(port, one)
    rules.affinities[name] = port.affinity_seconds
    return [hairpin, f"update @{name} {{ ip saddr }}", rewrite]


def _choice(port: ServicePort, endpoints: tuple[Endpoint, ...]) -> list[str]:
    remembered = [
        f"ip saddr @{_affinity(port, one)} goto {_endpoint_chain(port, one)}"
        for one in endpoints
        if port.affinity_seconds
    ]
    verdicts = ", ".join(f"{n} : goto {_endpoint_chain(port, one)}" for n, one in enumerate(endpoints))
    return [*remembered, f"numgen random mod {len(endpoints)} vmap {{ {verdicts} }}"]


def _service_chain(kind: str, port: ServicePort) -> str:
    """`service-ULMVA6XW-ns1/svc1/tcp/p80`: a hash, then what a reader looks for."""
    service, _, name = port.name.partition(":")
    return f"{kind}-{_short(port.name + port.protocol)}-{service}/{port.protocol}/{name}"


def _endpoint_chain(port: ServicePort, one: Endpoint) -> str:
    service, _, name = port.name.partition(":")
    text = _short(port.name + port.protocol + str(one))
    return f"endpoint-{text}-{service}/{port.protocol}/{name}__{one.address}/{one.port}"


def _affinity(port: ServicePort, one: Endpoint) -> str:
    return "affinity" + _endpoint_chain(port, one).removeprefix("endpoint")


def _short(text: str) -> str:
    return b32encode(sha256(text.encode()).digest()).decode()[:8]


def pieces(old: Ruleset, new: Ruleset) -> Iterator[str]:
    """Texts for `nft -f` that turn `old` into `new`: chains, then the ways into them, then what went."""
    blocks = [[f"add set {TABLE} {name} {_remembering(seconds)}"] for name, seconds in _fresh(old, new)]
    for name, rules in new.chains.items():
        if old.chains.get(name) != rules:
            lines = [f"add chain {TABLE} {name}", f"flush chain {TABLE} {name}"]
            blocks.append([*lines, *(f"add rule {TABLE} {name} {rule}" for rule in rules)])
    blocks += [[line] for line in _element_changes(old.elements, new.elements)]
    # A chain may go once nothing leads to it: services before endpoints, which were made in that order.
    gone = [name for name in old.chains if name not in new.chains]
    blocks += [[f"flush chain {TABLE} {name}"] for name in gone]
    blocks += [[f"delete chain {TABLE} {name}"] for name in reversed(gone)]
    blocks += [[f"delete set {TABLE} {name}"] for name in old.affinities if name not in new.affinities]
    yield from _together(blocks)


def _fresh(old: Ruleset, new: Ruleset) -> list[tuple[str, int]]:
    return [(name, seconds) for name, seconds in new.affinities.items() if name not in old.affinities]


def _remembering(seconds: int) -> str:
    return f"{{ type ipv4_addr; flags dynamic,timeout; timeout {seconds}s; }}"


def _element_changes(old: Maps, new: Maps) -> Iterator[str]:
    for name in _FILLED:
        before, after = old[name], new[name]
        for key, value in before.items():
            if after.get(key) != value:
                yield f"delete element {TABLE} {name} {{ {key} }}"
        for key, value in after.items():
            if before.get(key) != value:
                yield f"add element {TABLE} {name} {{ {key}{f' : {value}' if value else ''} }}"


def _together(blocks: list[list[str]]) -> Iterator[str]:
    lines: list[str] = []
    for block in blocks:
        if lines and len(lines) + len(block) > _LINES:
            yield "\n".join(lines) + "\n"
            lines = []
        lines += block
    if lines:
        yield "\n".join(lines) + "\n"
