"""The platform's own probes: sent from a pod or a node, and found again in the captures at both ends.

A probe carries a fresh random mark and leaves from a port of its own. What became of it is read
from the captures at the nodes' ends of the links: the student is root in the pods, so what a
tool there prints is not looked at, and a pod that answers in another's name is not taken for it.
From a node the agent's own tool is believed.
"""

import itertools
import secrets
import shlex
from dataclasses import dataclass, field
from enum import StrEnum

from django.utils.translation import gettext_noop as _

from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.observing import MARK, Observation, Place
from k8s_tasks.checks.packets import Datagram, Echo, Packet, Unreachable
from k8s_tasks.checks.round import Round, is_node
from k8s_tasks.cluster.execs import Completed

CONNECT_SECONDS = 1  # a connection that takes longer on one machine's links is none
PORTS = range(10000, 32767)  # below what the kernel gives to others
# One after the other, from anywhere: a port drawn by lot is, one time in seven, still held by a probe of
# the minute before, and its packets would be taken for those of the new one.
_FIRST = secrets.randbelow(len(PORTS))
_PORTS = itertools.cycle([*PORTS[_FIRST:], *PORTS[:_FIRST]])


MUTE = _("The probe from %(pod)s did not even reach its own node, so nothing can be concluded.")
DEAF = _("%(pod)s did not even answer its own node, so its silence proves nothing.")
UNSENT = _("The platform's probe never left %(pod)s, so nothing can be concluded.")


def is_probe_port(port: int) -> bool:
    """Whether a refusal was of the platform's own probe: what was refused carries no mark."""
    return port in PORTS


class Outcome(StrEnum):
    REACHED = "reached"
    REFUSED = "refused"
    UNSENT = "unsent"  # it never left the source's link
    DROPPED = "dropped"  # it left the source and did not come to the target
    SILENT = "silent"  # it came to the target, which did not answer
    LOST = "lost"  # the target answered, and the answer did not come back


ANSWERED = (Outcome.REACHED, Outcome.REFUSED)


@dataclass(frozen=True)
class Probe:
    """From a place to a pod: to `address` and `port`, which are the target's own unless a Service
    stands before it; there it comes to the port `listens`."""

    source: str
    target: str
    protocol: str
    address: str
    port: int = 0
    listens: int = 0
    mark: bytes = field(default_factory=lambda: MARK + secrets.token_hex(8).encode())
    source_port: int = field(default_factory=lambda: next(_PORTS))

    def again(self) -> "Probe":
        """The same way, under a mark and from a port of its own."""
        return Probe(self.source, self.target, self.protocol, self.address, self.port, self.listens)

    @property
    def ends(self) -> tuple[str, str]:
        return self.source, self.target

    def argv(self) -> list[str]:
        if self.protocol == "icmp":
            pattern = self.mark[:16].hex()  # all that ping's -p takes
            return ["ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-p", pattern, self.address]
        options = ["-u"] if self.protocol == "udp" else ["-N"]
        ports = ["-p", str(self.source_port), self.address, str(self.port)]
        return ["nc", "-v", *options, "-w", str(CONNECT_SECONDS), *ports]


async def send(round: Round, probes: list[Probe]) -> dict[Probe, Completed]:
    """Send probes of one source, all at once and by one command; Broken when it could not be started."""
    if not probes:
        return {}
    script = "\n".join(f"{_line(probe)} &" for probe in probes) + "\nwait\n"
    done = await round.run_in(probes[0].source, ["sh", "-c", script])
    return dict.fromkeys(probes, done)


def _line(probe: Probe) -> str:
    sending = shlex.join(probe.argv())
    return sending if probe.protocol == "icmp" else f"printf %s {probe.mark.decode()} | {sending}"


def outcome_of(probe: Probe, seen: Observation, told: Completed) -> Outcome:
    """What became of a probe. Raises Broken when an end has no good capture."""
    return _READERS[probe.protocol](probe, seen, told)


def is_settled(probe: Probe, seen: Observation, told: Completed) -> bool:
    """It has come back, or no waiting will show it."""
    try:
        return outcome_of(probe, seen, told) in ANSWERED
    except Broken:
        return True


async def probe_all(round: Round, probes: list[Probe], told: dict[Probe, Completed]) -> Observation:
    """The captures of all ends, once every probe that was sent has come back or had its time."""
    ends = [end for probe in probes for end in probe.ends]
    return await round.look_until(
        ends, lambda seen: all(is_settled(probe, seen, told[probe]) for probe in told)
    )


def _icmp(probe: Probe, seen: Observation, told: Completed) -> Outcome:
    if is_node(probe.source):
        stages = [_echoed(probe, seen, probe.target, is_reply=each) for each in (False, True)]
        return (Outcome.DROPPED, Outcome.SILENT, Outcome.REACHED)[_passed(stages)]
    stages = echo_stages(probe, seen)
    return (Outcome.UNSENT, Outcome.DROPPED, Outcome.SILENT, Outcome.LOST, Outcome.REACHED)[_passed(stages)]


def echo_stages(probe: Probe, seen: Observation) -> list[Echo | None]:
    """The request at the source and at the target, then the reply at the target and at the source."""
    ends = ((probe.source, False), (probe.target, False), (probe.target, True), (probe.source, True))
    return [_echoed(probe, seen, end, is_reply=is_reply) for end, is_reply in ends]


def _echoed(probe: Probe, seen: Observation, end: str, *, is_reply: bool) -> Echo | None:
    echoes = (each for each in seen.seen_at(end) if isinstance(each, Echo) and each.is_reply == is_reply)
    return next((each for each in echoes if probe.mark[:16] in each.payload), None)


def _passed(stages: list) -> int:
    return next((number for number, stage in enumerate(stages) if stage is None), len(stages))


def _tcp(probe: Probe, seen: Observation, told: Completed) -> Outcome:
    far = _far_conversation(probe, seen)
    if is_node(probe.source):
        return _from_node(probe, told, is_there=bool(far and far.carries(probe.mark.decode())))
    near = _near_conversation(probe, seen)
    if near is None:
        return Outcome.UNSENT
    if _is_reset(near) or _is_unreachable(probe, seen):
        return Outcome.REFUSED
    if far is None:
        return Outcome.DROPPED
    if not any(each.is_syn for each in far.from_server):
        return Outcome.REFUSED if _is_reset(far) else Outcome.SILENT
    if not near.handshake:
        return Outcome.LOST
    return Outcome.REACHED if far.carries(probe.mark.decode()) else Outcome.SILENT


def _near_conversation(probe: Probe, seen: Observation) -> Conversation | None:
    here = seen.place(probe.source).address
    talks = conversations(seen.seen_at(probe.source), here, probe.address, probe.port)
    return next((each for each in talks if each.client[1] == probe.source_port), None)


def _far_conversation(probe: Probe, seen: Observation) -> Conversation | None:
    """At the target, where the client may have a node's address and another port by then: the mark tells,
    and before there is one, the source's own address and port do."""
    here, there = seen.place(probe.source).address, seen.place(probe.target).address
    talks = conversations(seen.seen_at(probe.target), None, there, probe.listens)
    marked = (each for each in talks if each.carries(probe.mark.decode()))
    plain = (each for each in talks if each.client == (here, probe.source_port))
    return next(marked, None) or next(plain, None)


def _is_reset(talk: Conversation) -> bool:
    return any(each.is_rst for each in talk.from_server) and talk.handshake is None


def _is_unreachable(probe: Probe, seen: Observation) -> bool:
    about = (seen.place(probe.source).address, probe.address, probe.source_port, probe.port)
    return any(isinstance(each, Unreachable) and each.about == about for each in seen.seen_at(probe.source))


def _udp(probe: Probe, seen: Observation, told: Completed) -> Outcome:
    is_there = _passes(probe, seen.seen_at(probe.target))
    if is_node(probe.source):
        return Outcome.REACHED if is_there else Outcome.DROPPED
    if not _passes(probe, seen.seen_at(probe.source)):
        return Outcome.UNSENT
    if _is_unreachable(probe, seen):
        return Outcome.REFUSED
    return Outcome.REACHED if is_there else Outcome.DROPPED


def _passes(probe: Probe, packets: list[Packet]) -> bool:
    return any(isinstance(each, Datagram) and probe.mark in each.payload for each in packets)


def _from_node(probe: Probe, told: Completed, *, is_there: bool) -> Outcome:
    if is_there:
        return Outcome.REACHED
    refused = f"{probe.address} port {probe.port} (tcp) failed: Connection refused"
    return Outcome.REFUSED if refused.encode() in told.stderr else Outcome.DROPPED


_READERS = {"icmp": _icmp, "tcp": _tcp, "udp": _udp}


def control_of_source(source: str, place: Place) -> Probe:
    """From a pod to its own node: no policy forbids it, so it shows that the pod can send."""
    return Probe(source, source, "icmp", place.node_address)


def control_of_target(node: str, probe: Probe, place: Place) -> Probe:
    """To the target from its own node: no policy forbids that either, so it shows that somebody listens."""
    return Probe(node, probe.target, probe.protocol, place.address, probe.listens, probe.listens)
