"""kube-proxy's rules in the words of `iptables-save -c`.

    [4:240] -A KUBE-SVC-3X6KWZV6HEEUDEBB -m comment --comment "shop/web:http -> 10.244.1.5:8080"
            -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-665ASW4MMIL7K5ET

The table nat sees the first packet of a connection only: what its rules have counted are connections.
"""

import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from k8s_tasks.proxy_rules.rules import REFUSALS, Chain, Door, DoorKind, Edge, Rules, is_of

_LINE = re.compile(r"\[(\d+):\d+\] -A (\S+) (.*)")
_ENTRANCES = ("KUBE-SERVICES", "KUBE-NODEPORTS", "KUBE-EXTERNAL-SERVICES")
_CHOICES = ("KUBE-SVC-", "KUBE-SVL-")
_MARK = "KUBE-MARK-MASQ"
_KINDS = {"external IP": DoorKind.EXTERNAL_IP, "loadbalancer IP": DoorKind.LOAD_BALANCER}


@dataclass(frozen=True)
class _Rule:
    text: str
    chain: str
    packets: int
    words: list[str]

    def after(self, option: str) -> str:
        """The word after an option; empty without it."""
        return self.words[self.words.index(option) + 1] if option in self.words else ""

    @property
    def target(self) -> str:
        return self.after("-j")

    @property
    def service(self) -> str:
        """Of a rule of an entrance: its comment begins with the Service's name."""
        return self.after("--comment").partition(" ")[0]


def speaks(saved: str) -> bool:
    """Whether kube-proxy works by iptables on the node that said this; it does so without a Service, too."""
    return "-j KUBE-NODEPORTS" in saved


def read(saved: str, namespaces: Collection[str]) -> Rules:
    """The rules of these namespaces' Services."""
    rules = list(_rules_in(saved))
    entrances = [each for each in rules if each.chain in _ENTRANCES and is_of(each.service, namespaces)]
    entrances = [each for each in entrances if _leads_on(each) and not _only_counts(each)]
    doors = list(map(_door, entrances))
    counted: Counter[Edge] = Counter()
    for rule, door in zip(entrances, doors, strict=True):
        counted[door.id, door.target] += rule.packets
    chains = _reached(rules, {door.target for door in doors}, counted)
    return Rules(tuple(doors), chains, counted)


def _rules_in(saved: str):
    for line in saved.splitlines():
        if found := _LINE.match(line):
            yield _Rule(line, found[2], int(found[1]), shlex.split(found[3]))


def _leads_on(rule: _Rule) -> bool:
    return rule.target.startswith("KUBE-") or rule.target in REFUSALS


def _only_counts(rule: _Rule) -> bool:
    """Since Kubernetes 1.32 a node port has a rule more for who asks at the loopback, so that those are
    counted; it leads where the port's own rule leads."""
    return rule.after("-d").startswith("127.")


def _door(rule: _Rule) -> Door:
    address = rule.after("-d").partition("/")[0]
    comment = rule.after("--comment").partition(" ")[2]
    kind = _KINDS.get(comment, DoorKind.CLUSTER_IP) if address else DoorKind.NODE_PORT
    port = int(rule.after("--dport"))
    return Door(rule.service, kind, address, port, rule.after("-p"), rule.target, rule.text)


def _reached(rules: list[_Rule], names: set[str], counted: Counter[Edge]) -> dict[str, Chain]:
    """The chains one comes to from these, and those after them; `counted` grows by what they counted."""
    by_chain: dict[str, list[_Rule]] = defaultdict(list)
    for rule in rules:
        by_chain[rule.chain].append(rule)
    found: dict[str, Chain] = {}
    ahead = sorted(names.difference(REFUSALS))
    while ahead:
        name = ahead.pop()
        if name in found:
            continue
        found[name] = _chain(name, by_chain[name], counted)
        ahead += found[name].leads
    return found


def _chain(name: str, rules: list[_Rule], counted: Counter[Edge]) -> Chain:
    leads: dict[str, float | None] = {}
    for rule in rules:
        if rule.target.startswith("KUBE-") and rule.target != _MARK:
            counted[name, rule.target] += rule.packets
            if "--rcheck" not in rule.words:  # a client that is remembered; no lot is drawn
                leads[rule.target] = _probability(rule)
    return Chain(
        name,
        tuple(rule.text for rule in rules),
        leads,
        marks=any(rule.target == _MARK and _is_for_all(rule) for rule in rules),
        endpoint=next(filter(None, (rule.after("--to-destination") for rule in rules)), ""),
    )


def _probability(rule: _Rule) -> float | None:
    """The last rule of a choice takes all that the others have left."""
    if not rule.chain.startswith(_CHOICES):
        return None
    return float(rule.after("--probability") or 1)


def _is_for_all(rule: _Rule) -> bool:
    return not {"-s", "-d", "--src-type"}.intersection(rule.words)
