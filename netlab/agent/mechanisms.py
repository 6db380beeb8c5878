"""Which mechanism of the kernel brings each effect about, and the commands for it. Pure but for `probe`.

netem does all of it but the rate where the kernel has it. It acts on what an interface sends, so what
the pod sends is led through an ifb first. It could keep a rate too, but its queue is counted in packets,
not in time: seconds of traffic would wait in it. tbf, behind netem, lets none wait longer than _TBF_MS.
Where netem is missing:

    loss                     iptables' `statistic` in the node's mangle table: to TCP a loss like any
                             other, for it happens on the way and not in the sender's own stack
    rate                     tbf, behind an ifb for what the pod sends
    delay, jitter, reorder   the relay: packets wait in an NFQUEUE until a small process lets them go. The
                             rule says `--queue-bypass`: without the process they pass at once

netem and tbf also act on what the node itself sends to the pod, as probes; the others only on what it
forwards.
"""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from zlib import crc32

from .effects import Effects, Misuse

NETEM, STATISTIC, TBF, RELAY = "netem", "statistic", "tbf", "relay"
_WAITING = ("delay", "jitter", "reorder")
_TBF_MS = 300  # how long a packet may wait for its turn
_PROBE_QDISC = ("tc", "qdisc", "replace", "dev", "redes-probe", "root")
_PROBE_RULE = ("iptables", "-w", "-t", "mangle", "-A", "redes-probe")
_TRIALS = {
    "netem": [*_PROBE_QDISC, "netem", "loss", "1%"],
    "tbf": [*_PROBE_QDISC, "tbf", "rate", "1mbit", "burst", "4kb", "latency", "100ms"],
    "ifb": ["ip", "link", "add", "redes-probe-ifb", "type", "ifb"],
    "statistic": [
        *_PROBE_RULE,
        *["-m", "statistic", "--mode", "random", "--probability", "0.5", "-j", "DROP"],
    ],
    "relay": [*_PROBE_RULE, "-j", "NFQUEUE", "--queue-num", "1", "--queue-bypass"],
}
_TRIAL_SETS_UP = (
    ["ip", "link", "add", "redes-probe", "type", "veth", "peer", "name", "redes-probe-b"],
    ["iptables", "-w", "-t", "mangle", "-N", "redes-probe"],
)
_TRIAL_CLEARS = (
    ["ip", "link", "del", "redes-probe"],
    ["ip", "link", "del", "redes-probe-ifb"],
    ["iptables", "-w", "-t", "mangle", "-F", "redes-probe"],
    ["iptables", "-w", "-t", "mangle", "-X", "redes-probe"],
)


@dataclass(frozen=True)
class Link:
    """The node's end of one pod's link, in one direction."""

    address: str
    interface: str
    direction: str

    @property
    def queue(self) -> int:
        return 1024 + crc32(f"{self.direction} {self.address}".encode()) % 64000

    @property
    def ifb(self) -> str:
        return f"redes-{crc32(self.interface.encode()):08x}"

    @property
    def hook(self) -> list[str]:
        """Where in the mangle table its packets come by: before any filter has seen them."""
        if self.direction == "to-pod":
            return ["FORWARD", "-o", self.interface]
        return ["PREROUTING", "-i", self.interface]


def probe() -> dict[str, bool]:
    """What this kernel has, tried on an interface and a chain that nothing uses."""

    def works(argv: list[str]) -> bool:
        return subprocess.run(argv, capture_output=True).returncode == 0

    for argv in _TRIAL_SETS_UP:
        works(argv)
    try:
        return {name: works(argv) for name, argv in _TRIALS.items()}
    finally:
        for argv in _TRIAL_CLEARS:
            works(argv)


def choose(effects: Effects, direction: str, has: dict[str, bool]) -> dict[str, str]:
    """{effect: mechanism}. Raises Misuse for what this kernel cannot do."""
    reach = direction == "to-pod" or has["ifb"]
    chosen = {}
    for name in effects.given:
        by_netem = has["netem"] and reach and not (name == "rate" and has["tbf"])
        mechanism = NETEM if by_netem else _without_netem(name, reach=reach, has=has)
        if mechanism is None:
            raise Misuse(f"this node's kernel has nothing for {name} {direction}")
        chosen[name] = mechanism
    return chosen


def _without_netem(name: str, *, reach: bool, has: dict[str, bool]) -> str | None:
    if name == "loss":
        return STATISTIC if has["statistic"] else None
    if name == "rate" and has["tbf"] and reach:
        return TBF
    return RELAY if has["relay"] and name != "duplicate" else None


def rules(link: Link, effects: Effects, chosen: dict[str, str]) -> list[list[str]]:
    """Rules for the end of the mangle table's chains; the first one does nothing but remember."""
    words = [*effects.words(), *sorted(set(chosen.values()))]
    note = ["-m", "comment", "--comment", " ".join([mark(link.direction, link.address), *words])]
    found = [[*link.hook, *note]]
    if chosen.get("loss") == STATISTIC:
        chance = f"{effects.loss / 100:.6f}"
        statistic = ["-m", "statistic", "--mode", "random", "--probability", chance]
        found.append([*link.hook, *note, *statistic, "-j", "DROP"])
    if RELAY in chosen.values():
        found.append([*link.hook, *note, "-j", "NFQUEUE", "--queue-num", str(link.queue), "--queue-bypass"])
    return found


def mark(direction: str, address: str) -> str:
    return f"redes {direction} {address}"


def queueing(link: Link, effects: Effects, chosen: dict[str, str]) -> list[list[str]]:
    """Commands that lay netem, tbf, or tbf behind netem."""
    interface = link.interface if link.direction == "to-pod" else link.ifb
    replace = ["tc", "qdisc", "replace", "dev", interface]
    laid = []
    if NETEM in chosen.values():
        laid.append([*replace, "root", "handle", "1:", *_netem_words(effects, chosen)])
    if TBF in chosen.values():
        laid.append([*replace, *(["parent", "1:"] if laid else ["root"]), *_tbf_words(effects.rate)])
    if not laid or link.direction == "to-pod":
        return laid
    to_ifb = ["action", "mirred", "egress", "redirect", "dev", link.ifb]
    everything = ["protocol", "all", "u32", "match", "u32", "0", "0"]
    return [
        ["ip", "link", "add", link.ifb, "type", "ifb"],
        ["ip", "link", "set", link.ifb, "up"],
        *laid,
        ["tc", "qdisc", "add", "dev", link.interface, "ingress"],
        ["tc", "filter", "add", "dev", link.interface, "ingress", *everything, *to_ifb],
    ]


def unqueueing(link: Link) -> list[list[str]]:
    """Commands that take it away again; what is not there is no harm."""
    if link.direction == "to-pod":
        return [["tc", "qdisc", "del", "dev", link.interface, "root"]]
    return [
        ["tc", "qdisc", "del", "dev", link.interface, "ingress"],
        ["ip", "link", "del", link.ifb],
    ]


def _netem_words(effects: Effects, chosen: dict[str, str]) -> list[str]:
    given = {name: effects.given[name] for name, mechanism in chosen.items() if mechanism == NETEM}
    words = ["netem", "limit", "10000"]
    if "delay" in given:
        words += [
            "delay",
            f"{given['delay']:g}ms",
            *([f"{given['jitter']:g}ms"] if "jitter" in given else []),
        ]
    for name in ("loss", "duplicate", "reorder"):
        words += [name, f"{given[name]:g}%"] if name in given else []
    return words + (["rate", f"{given['rate']:g}kbit"] if "rate" in given else [])


def _tbf_words(rate: float) -> list[str]:
    burst = max(4000, int(rate * 1000 / 8 / 100))  # what 10 ms bring: a slow timer must not cost rate
    return ["tbf", "rate", f"{rate:g}kbit", "burst", str(burst), "latency", f"{_TBF_MS}ms"]


def relayed(effects: Effects, chosen: dict[str, str]) -> Effects:
    """The part of the effects that is the relay's."""
    return Effects(**{n: v for n, v in effects.given.items() if chosen[n] == RELAY})


def chosen_of(effects: Effects, mechanisms: Iterable[str]) -> dict[str, str]:
    """The choice again, from what a rule remembers."""
    kinds = set(mechanisms)
    if NETEM in kinds:
        return {n: TBF if n == "rate" and TBF in kinds else NETEM for n in effects.given}
    chosen = dict.fromkeys((n for n in effects.given if n in _WAITING), RELAY)
    if effects.loss:
        chosen["loss"] = STATISTIC
    if effects.rate:
        chosen["rate"] = TBF if TBF in kinds else RELAY
    return chosen
