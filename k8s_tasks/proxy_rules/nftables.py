"""kube-proxy's rules in the words of `nft list table ip kube-proxy`.

    map service-ips {
            elements = { 10.96.58.42 . tcp . 80 : goto service-3X6KWZV6-shop/web/tcp/http, ... }
    chain service-3X6KWZV6-shop/web/tcp/http {
            numgen random mod 2 vmap { 0 : goto endpoint-665ASW4M-..., 1 : goto endpoint-DYTSIVKB-... }

Since Kubernetes 1.36 only Services with affinity have chains for their endpoints; the others say it at once:

            meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.244.1.5 . 8080, 1 : ... }

Such an endpoint is told as a chain all the same. Names tell of which Service a chain is. These rules carry no
counters: see `flows`.
"""

import re
from collections.abc import Collection, Mapping

from k8s_tasks.proxy_rules.rules import REFUSALS, Chain, Door, DoorKind, Rules, is_of

_BLOCK = re.compile(r"^\t(map|chain) (\S+) \{\n(.*?)^\t\}", re.MULTILINE | re.DOTALL)
_ELEMENT = re.compile(
    r'(?:([\d.]+) \. )?(tcp|udp|sctp) \. (\d+)(?: comment "([^"]*)")? : (?:goto (\S+?)|(drop))(?=,| \}|\s|$)'
)
_LEADS = re.compile(r"\bgoto (\S+?)(?=,| \}|\s|$)")
_DRAWS = re.compile(r"\bnumgen random mod (\d+) ")
_NAME = re.compile(r"(?:service|local|external|firewall)-\w+-([^/]+)/([^/]+)/[a-z]+/(.*)")
_ENDPOINT = re.compile(r"\bdnat to (\S+)")
_DEALS = re.compile(r"\bdnat ip(?: addr \. port)? to numgen random mod \d+ map \{ ([^}]*)\}")
_ONE = re.compile(r"\bdnat to ([\d.]+):(\d+)")
_DEALT = re.compile(r"\d+ : ([\d.]+) \. (\d+)")
_CHOICES = ("service-", "local-")
_MARKS = ("jump mark-for-masquerade", "meta mark set meta mark | ")
_REFUSED = {"reject-chain": REFUSALS[0], "": REFUSALS[1]}
Addresses = Mapping[tuple[str, str, int], tuple[str, DoorKind]]


def read(listed: str, namespaces: Collection[str], known: Addresses) -> Rules:
    """The rules of these namespaces' Services. `known` says whose (address, protocol, port) is, and what it
    is; a node port's address is empty. A refusal has no chain that would tell."""
    blocks = {name: (kind, text) for kind, name, text in _BLOCK.findall(listed)}
    bodies = {name: text for name, (kind, text) in blocks.items() if kind == "chain"}
    doors = [
        door
        for name, (kind, text) in blocks.items()
        if kind == "map" and name in _MAPS
        for door in _doors_in(text, known)
        if is_of(door.service, namespaces)
    ]
    return Rules(tuple(doors), _reached(bodies, {door.target for door in doors}))


_MAPS = ("service-ips", "service-nodeports", "no-endpoint-services", "no-endpoint-nodeports")


def _doors_in(text: str, known: Addresses):
    for found in _ELEMENT.finditer(text):
        address, protocol, port, _comment, target, _drop = found.groups(default="")
        whose, kind = known.get((address, protocol, int(port)), ("", _kind_of(address)))
        service = service_of(target) or whose
        yield Door(service, kind, address, int(port), protocol, _REFUSED.get(target, target), found[0])


def _kind_of(address: str) -> DoorKind:
    return DoorKind.CLUSTER_IP if address else DoorKind.NODE_PORT


def service_of(chain: str) -> str:
    """namespace/name, with :port where the port has a name; empty for a chain of no Service."""
    found = _NAME.fullmatch(chain)
    if found is None:
        return ""
    namespace, name, port = found.groups()
    return f"{namespace}/{name}" + (f":{port}" if port else "")


def _reached(bodies: Mapping[str, str], names: set[str]) -> dict[str, Chain]:
    found: dict[str, Chain] = {}
    ahead = sorted(names.difference(REFUSALS))
    while ahead:
        name = ahead.pop()
        if name in found or name not in bodies:
            continue
        found[name] = _chain(name, bodies[name])
        ahead += found[name].leads
        found |= {end.name: end for end in _ends(name, bodies[name])}
    return found


def _ends(name: str, body: str) -> list[Chain]:
    """The endpoints that the rules of this chain rewrite to without a chain of their own."""
    if not name.startswith(_CHOICES):
        return []
    return [
        Chain(
            f"endpoint-{name.partition('-')[2]}__{address}/{port}", (rule,), {}, endpoint=f"{address}:{port}"
        )
        for rule in _rules(body)
        for address, port in _rewrites(rule)
    ]


def _rewrites(rule: str) -> list[tuple[str, str]]:
    if dealt := _DEALS.search(rule):
        return _DEALT.findall(dealt[1])
    return [(one[1], one[2]) for one in _ONE.finditer(rule)]


def _rules(body: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in body.splitlines())


def _chain(name: str, body: str) -> Chain:
    rules, ends = _rules(body), _ends(name, body)
    leads: dict[str, float | None] = {end.name: 1 / len(ends) for end in ends}
    for rule in rules:
        draws = _DRAWS.search(rule)
        for target in _LEADS.findall(rule):
            if draws or not rule.startswith("ip saddr @"):  # a client that is remembered; no lot is drawn
                leads[target] = 1 / int(draws[1]) if draws else None
    endpoint = "" if ends else next((found[1] for rule in rules if (found := _ENDPOINT.search(rule))), "")
    return Chain(name, rules, leads, marks=any(rule.startswith(_MARKS) for rule in rules), endpoint=endpoint)
