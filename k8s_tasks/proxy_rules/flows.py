"""Connections that conntrack remembers, as counts of the rules they went by when they began.

    tcp 6 104 TIME_WAIT src=10.244.2.6 dst=10.96.58.42 sport=47426 dport=80 src=10.244.2.5 dst=10.244.2.6 ...

The first address is what the client spoke to, the second `src` who answers: the endpoint that was drawn.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace

from k8s_tasks.proxy_rules.rules import REFUSALS, Chain, Door, Edge, Rules

_FLOW = re.compile(
    r"^(?P<protocol>tcp|udp|sctp) .*?\bdst=(?P<address>\S+) sport=\d+ dport=(?P<port>\d+) "
    r".*?\bsrc=(?P<replier>\S+) dst=\S+ sport=(?P<reply_port>\d+) ",
    re.MULTILINE,
)


def count(rules: Rules, listed: str) -> Rules:
    """The same rules with what `conntrack -L` lists counted. A refusal leaves nothing to be remembered."""
    counted: Counter[Edge] = Counter(dict.fromkeys(_edges(rules), 0))
    doors = {(door.address, door.protocol, door.port): door for door in rules.doors if _leads(door)}
    for flow in _FLOW.finditer(listed):
        protocol, address, port, replier, reply_port = flow.group(
            "protocol", "address", "port", "replier", "reply_port"
        )
        at = protocol, int(port)
        door = doors.get((address, *at)) or doors.get(("", *at))
        way = _way(rules.chains, door.target, f"{replier}:{reply_port}") if door else None
        if door and way:
            counted.update(zip([door.id, *way], way, strict=False))
    return replace(rules, counted=counted)


def _leads(door: Door) -> bool:
    return door.target not in REFUSALS


def _edges(rules: Rules) -> Iterator[Edge]:
    yield from ((door.id, door.target) for door in rules.doors if _leads(door))
    yield from ((chain.name, target) for chain in rules.chains.values() for target in chain.leads)


def _way(chains: Mapping[str, Chain], name: str, endpoint: str) -> list[str] | None:
    """The chains from this one to that of the endpoint."""
    chain = chains.get(name)
    if chain is None:
        return None
    if chain.endpoint == endpoint:
        return [name]
    for target in chain.leads:
        if way := _way(chains, target, endpoint):
            return [name, *way]
    return None
