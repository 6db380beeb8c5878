"""The iptables rules of kube-proxy (mode iptables) and kindnet's masquerading, as text. Pure.

A table is a dict of chain name to rules, in an order where each chain comes after those it jumps to.
Names, comments and marks are kube-proxy's, so what a student reads here is what a real node shows.
"""

from weakref import WeakKeyDictionary

from netlab.node.services import Endpoint, ServicePort

Chains = dict[str, list[str]]

_MARK = "0x4000"
_NEW = "-m conntrack --ctstate NEW "


def _entry(table: str, chain: str, about: str, target: str, match: str = "") -> tuple[str, str, str]:
    return table, chain, f'{match}-m comment --comment "{about}" -j {target}'


_OTHERS = (
    "kind-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom"
    " KIND-MASQ-AGENT chain"
)
_PORTALS, _OUTER = "kubernetes service portals", "kubernetes externally-visible service portals"
# Rules that lead from the kernel's own chains into ours: (table, chain, rule), installed once.
ENTRIES = (
    _entry("nat", "PREROUTING", _PORTALS, "KUBE-SERVICES"),
    _entry("nat", "OUTPUT", _PORTALS, "KUBE-SERVICES"),
    _entry("nat", "POSTROUTING", "kubernetes postrouting rules", "KUBE-POSTROUTING"),
    _entry("nat", "POSTROUTING", _OTHERS, "KIND-MASQ-AGENT", "-m addrtype ! --dst-type LOCAL "),
    _entry("filter", "INPUT", _OUTER, "KUBE-EXTERNAL-SERVICES", _NEW),
    *(
        _entry("filter", chain, "kubernetes load balancer firewall", "KUBE-PROXY-FIREWALL", _NEW)
        for chain in ("INPUT", "FORWARD", "OUTPUT")
    ),
    _entry("filter", "FORWARD", "kubernetes forwarding rules", "KUBE-FORWARD"),
    _entry("filter", "FORWARD", _PORTALS, "KUBE-SERVICES", _NEW),
    _entry("filter", "FORWARD", _OUTER, "KUBE-EXTERNAL-SERVICES", _NEW),
    _entry("filter", "OUTPUT", _PORTALS, "KUBE-SERVICES", _NEW),
)
MASQUERADING_ENTRIES = tuple(entry for entry in ENTRIES if entry[2].endswith("-j KIND-MASQ-AGENT"))


def masquerading(pod_network: str) -> dict[str, Chains]:
    """What is kindnet's, not kube-proxy's: it stays in any mode."""
    return {"nat": {"KIND-MASQ-AGENT": _masquerading(pod_network)}, "filter": {}}


def tables(ports: list[ServicePort], pod_network: str) -> dict[str, Chains]:
    """All chains of both tables for these services, as seen from one node."""
    return {"nat": _nat(ports, pod_network), "filter": _filter(ports)}


def _nat(ports: list[ServicePort], pod_network: str) -> Chains:
    chains: Chains = {
        "KUBE-MARK-MASQ": [f"-j MARK --set-xmark {_MARK}/{_MARK}"],
        "KUBE-POSTROUTING": [
            f"-m mark ! --mark {_MARK}/{_MARK} -j RETURN",
            f"-j MARK --set-xmark {_MARK}/0x0",
            '-m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
        ],
        "KIND-MASQ-AGENT": _masquerading(pod_network),
    }
    services, node_ports = [], []
    for port in (port for port in ports if port.endpoints):
        chains |= _service_chains(port, pod_network)
        services += [_to_cluster_ip(port), *_to_external_ips(port), *_to_balancer_ips(port)]
        if port.node_port:
            node_ports.append(_rule(port, port.name, f"--dport {port.node_port} -j KUBE-EXT-{port.hash}"))
    chains["KUBE-NODEPORTS"] = node_ports
    chains["KUBE-SERVICES"] = [
        *services,
        '-m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" '
        "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    ]
    return chains


def _masquerading(pod_network: str) -> list[str]:
    return [
        f'-d {pod_network} -m comment --comment "kind-masq-agent: local traffic is not subject to '
        'MASQUERADE" -j RETURN',
        '-m comment --comment "kind-masq-agent: outbound traffic is subject to MASQUERADE (must be '
        'last in chain)" -j MASQUERADE',
    ]


def _to_cluster_ip(port: ServicePort) -> str:
    target = "SVL" if port.internal_local else "SVC"
    end = f"--dport {port.port} -j KUBE-{target}-{port.hash}"
    return f"-d {port.cluster_ip}/32 " + _rule(port, f"{port.name} cluster IP", end)


def _to_external_ips(port: ServicePort) -> list[str]:
    end = f"--dport {port.port} -j KUBE-EXT-{port.hash}"
    return [f"-d {ip}/32 " + _rule(port, f"{port.name} external IP", end) for ip in port.external_ips]


def _to_balancer_ips(port: ServicePort) -> list[str]:
    end = f"--dport {port.port} -j KUBE-{'FW' if port.source_ranges else 'EXT'}-{port.hash}"
    return [f"-d {ip}/32 " + _rule(port, f"{port.name} loadbalancer IP", end) for ip in port.balancer_ips]


def _rule(port: ServicePort, comment: str, end: str) -> str:
    return f'-p {port.protocol} -m comment --comment "{comment}" -m {port.protocol} {end}'


# A port's chains are worked out once and go with it: a sync has thousands of ports, few of them new.
_known: WeakKeyDictionary[ServicePort, tuple[str, Chains]] = WeakKeyDictionary()


def _service_chains(port: ServicePort, pod_network: str) -> Chains:
    found = _known.get(port)
    if found is None or found[0] != pod_network:
        found = _known[port] = pod_network, _made_chains(port, pod_network)
    return found[1]


def _made_chains(port: ServicePort, pod_network: str) -> Chains:
    chains: Chains = {
        f"KUBE-SEP-{port.endpoint_hash(one)}": _endpoint_rules(port, one) for one in port.endpoints
    }
    masquerade = f"! -s {pod_network} -d {port.cluster_ip}/32 " + _rule(
        port, f"{port.name} cluster IP", f"--dport {port.port} -j KUBE-MARK-MASQ"
    )
    chains[f"KUBE-SVC-{port.hash}"] = [masquerade, *_choice(port, port.endpoints)]
    if port.internal_local or port.external_local:
        chains[f"KUBE-SVL-{port.hash}"] = _local_choice(port)
    if port.has_external:
        chains[f"KUBE-EXT-{port.hash}"] = _external(port, pod_network)
    if port.balancer_ips and port.source_ranges:
        chains[f"KUBE-FW-{port.hash}"] = _admitted(port)
    return chains


def _endpoint_rules(port: ServicePort, endpoint: Endpoint) -> list[str]:
    comment = f'-m comment --comment "{port.name}"'
    remember = ""
    if port.affinity_seconds:
        name = f"KUBE-SEP-{port.endpoint_hash(endpoint)}"
        remember = f"-m recent --name {name} --set --mask 255.255.255.255 --rsource "
    return [
        f"-s {endpoint.address}/32 {comment} -j KUBE-MARK-MASQ",
        f"-p {port.protocol} {comment} {remember}-m {port.protocol} -j DNAT --to-destination {endpoint}",
    ]


def _choice(port: ServicePort, endpoints: tuple[Endpoint, ...]) -> list[str]:
    """Rule k of n is taken with probability 1/(n-k+1), so that each endpoint gets 1/n."""
    rules = [_remembered(port, one) for one in endpoints] if port.affinity_seconds else []
    for left, endpoint in zip(range(len(endpoints), 0, -1), endpoints, strict=True):
        chance = f"-m statistic --mode random --probability {1 / left:.11f} " if left > 1 else ""
        comment = f'-m comment --comment "{port.name} -> {endpoint}"'
        rules.append(f"{comment} {chance}-j KUBE-SEP-{port.endpoint_hash(endpoint)}")
    return rules


def _remembered(port: ServicePort, endpoint: Endpoint) -> str:
    chain = f"KUBE-SEP-{port.endpoint_hash(endpoint)}"
    return (
        f'-m comment --comment "{port.name} -> {endpoint}" -m recent --name {chain} --rcheck '
        f"--seconds {port.affinity_seconds} --reap --mask 255.255.255.255 --rsource -j {chain}"
    )


def _local_choice(port: ServicePort) -> list[str]:
    local = tuple(endpoint for endpoint in port.endpoints if endpoint.local)
    if local:
        return _choice(port, local)
    # The nat table cannot drop; without a DNAT the packet dies at the filter table's rule below.
    return []


def _external(port: ServicePort, pod_network: str) -> list[str]:
    if not port.external_local:
        return [
            f'-m comment --comment "masquerade traffic for {port.name} external destinations" '
            "-j KUBE-MARK-MASQ",
            f"-j KUBE-SVC-{port.hash}",
        ]
    comment = f'-m comment --comment "%s {port.name} external destinations"'
    return [
        f"-s {pod_network} {comment % 'pod traffic for'} -j KUBE-SVC-{port.hash}",
        f"{comment % 'masquerade LOCAL traffic for'} -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ",
        f"{comment % 'route LOCAL traffic for'} -m addrtype --src-type LOCAL -j KUBE-SVC-{port.hash}",
        f"-j KUBE-SVL-{port.hash}",
    ]


def _admitted(port: ServicePort) -> list[str]:
    """What is not from one of the ranges goes on without a DNAT, and KUBE-PROXY-FIREWALL drops it."""
    comment = f'-m comment --comment "{port.name} loadbalancer IP"'
    admitted = [f"-s {source} {comment} -j KUBE-EXT-{port.hash}" for source in port.source_ranges]
    rest = f"other traffic to {port.name} will be dropped by KUBE-PROXY-FIREWALL"
    return [*admitted, f'-m comment --comment "{rest}"']


def _filter(ports: list[ServicePort]) -> Chains:
    internal, external, firewall = [], [], []
    for port in ports:
        internal += _refuse_cluster_ip(port)
        external += _refuse_external(port)
        firewall += _drop_others(port)
    return {
        "KUBE-EXTERNAL-SERVICES": external,
        "KUBE-FORWARD": [
            "-m conntrack --ctstate INVALID -j DROP",
            f'-m comment --comment "kubernetes forwarding rules" -m mark --mark {_MARK}/{_MARK} -j ACCEPT',
            '-m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate '
            "RELATED,ESTABLISHED -j ACCEPT",
        ],
        "KUBE-SERVICES": internal,
        "KUBE-PROXY-FIREWALL": firewall,
    }


def _refuse_cluster_ip(port: ServicePort) -> list[str]:
    if not port.endpoints:
        end = f"--dport {port.port} -j REJECT --reject-with icmp-port-unreachable"
        return [f"-d {port.cluster_ip}/32 " + _rule(port, f"{port.name} has no endpoints", end)]
    if port.internal_local and not _has_local(port):
        return [
            f"-d {port.cluster_ip}/32 "
            + _rule(port, f"{port.name} has no local endpoints", f"--dport {port.port} -j DROP")
        ]
    return []


def _refuse_external(port: ServicePort) -> list[str]:
    if not port.endpoints:
        why, verdict = "has no endpoints", "REJECT --reject-with icmp-port-unreachable"
    elif port.external_local and not _has_local(port):
        why, verdict = "has no local endpoints", "DROP"
    else:
        return []
    comment = f"{port.name} {why}"
    addresses = [f"-d {ip}/32 " for ip in (*port.external_ips, *port.balancer_ips)]
    refused = [one + _rule(port, comment, f"--dport {port.port} -j {verdict}") for one in addresses]
    if port.node_port:
        end = f"--dport {port.node_port} -j {verdict}"
        refused.append("-m addrtype --dst-type LOCAL " + _rule(port, comment, end))
    return refused


def _drop_others(port: ServicePort) -> list[str]:
    if not (port.source_ranges and port.endpoints):
        return []
    comment = f"{port.name} traffic not accepted by KUBE-FW-{port.hash}"
    end = f"--dport {port.port} -j DROP"
    return [f"-d {ip}/32 " + _rule(port, comment, end) for ip in port.balancer_ips]


def _has_local(port: ServicePort) -> bool:
    return any(endpoint.local for endpoint in port.endpoints)
