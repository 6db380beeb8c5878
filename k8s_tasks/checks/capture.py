"""What the student's own packets show: at both ends, so that nobody passes with forged ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.utils.translation import gettext_noop as _

from curriculum.kinds import CaptureSettings
from curriculum.reasons import Reason
from k8s_tasks.checks import hops, rewriting, sizes
from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import MARK, Observation
from k8s_tasks.checks.packets import Datagram, Echo, Packet, Segment
from k8s_tasks.checks.probing import is_probe_port
from k8s_tasks.checks.round import Round, is_node
from k8s_tasks.checks.secrecy import in_clear, sealed


async def check(settings: CaptureSettings, round: Round) -> Finding:
    if settings.service:
        return await rewriting.check(settings, round)
    if settings.shows == "hops":
        return await hops.check(settings, round)
    seen = await round.look([settings.source, settings.target])
    if settings.shows in sizes.SHOWS:
        return sizes.judge(settings, seen, size=int(round.fill(settings.size) or 0))
    filled = {name: round.fill(getattr(settings, name)) for name in ("payload", "address", "via")}
    return judge(replace(settings, **filled), seen, port=int(round.fill(settings.port) or 0))


def judge(settings: CaptureSettings, seen: Observation, *, port: int) -> Finding:
    """The settings are filled in."""
    return _SHOWS[settings.shows](settings, seen, port, settings.payload)


def _echo_pair(settings: CaptureSettings, seen: Observation, _port: int, _payload: str) -> Finding:
    names = {"source": settings.source, "target": settings.target}
    near, _far = ends = student_pings(settings.source, settings.target, seen)
    if pairs := pairs_at_both_ends(*ends):
        request, reply = pairs[-1]
        evidence = {"request": _echo_told(request), "reply": _echo_told(reply), "pairs": len(pairs)}
        return passed(
            _("Echo request %(seq)s of %(source)s and the reply of %(target)s were captured at both ends."),
            evidence,
            seq=request.seq,
            **names,
        )
    if any(ping.keys() == _PAIR for ping in near.values()):
        raise Broken(_ONE_END, **names)
    if near:
        sentence = _("%(source)s sent echo requests to %(target)s, but no reply to one of them was captured.")
        return failed(Reason.NO_REPLY, sentence, **names)
    return failed(
        Reason.NOT_CAPTURED,
        _("No echo request of yours from %(source)s to %(target)s has been captured yet."),
        **names,
    )


Pings = dict[tuple[int, int], dict[bool, Echo]]  # by (id, seq): the request (False) and the reply (True)
_PAIR = {False, True}
_ONE_END = _(
    "This was captured at %(source)s but not at %(target)s, so nothing can be concluded: do it again."
)


def student_pings(source: str, target: str, seen: Observation) -> tuple[Pings, Pings]:
    """The student's pings from source to target, as captured at the one and at the other."""
    here, there = seen.place(source).address, seen.place(target).address
    return _pings(seen.seen_at(source), here, there), _pings(seen.seen_at(target), here, there)


def _pings(packets: list[Packet], here: str, there: str) -> Pings:
    found: Pings = {}
    for echo in packets:
        if not isinstance(echo, Echo) or MARK in echo.payload:
            continue
        if (echo.source, echo.target) == ((there, here) if echo.is_reply else (here, there)):
            found.setdefault((echo.id, echo.seq), {})[echo.is_reply] = echo
    return found


def pairs_at_both_ends(near: Pings, far: Pings) -> list[tuple[Echo, Echo]]:
    """Request and reply, as captured at the source, of each ping whose target's end saw both too."""
    whole = [key for key, ping in near.items() if ping.keys() == _PAIR and far.get(key, {}).keys() == _PAIR]
    return [(near[key][False], near[key][True]) for key in whole]


@dataclass(frozen=True)
class _Talk:
    """The newest conversation that carried the payload, as its target's end saw it."""

    conversation: Conversation
    evidence: dict
    facts: dict


def _conversation_rule(judge_talk: Callable[[_Talk], Finding]):
    """A rule about the conversation with the payload; without one the student has not sent it yet."""

    def rule(settings: CaptureSettings, seen: Observation, port: int, payload: str) -> Finding:
        facts = {"source": seen.spell(settings.source), "target": settings.target}
        facts |= {"port": port, "payload": payload}
        found = _carrying(settings, seen, port, payload)
        if found is None:
            return failed(Reason.NOT_CAPTURED, _NOT_YET, **facts)
        if wrong := _wrong_address(settings, seen, found, facts):
            return wrong
        evidence = {"client": list(found.client), "server": list(found.server)}
        return judge_talk(_Talk(found, evidence, facts | {"client": found.client[0]}))

    return rule


_NOT_YET = _("%(target)s has not received your word %(payload)s on port %(port)s yet.")


@_conversation_rule
def _handshake(talk: _Talk) -> Finding:
    if talk.conversation.handshake is None:
        return failed(
            Reason.NO_BEGINNING,
            _("The conversation that carried %(payload)s was captured without its beginning."),
            **talk.facts,
        )
    steps = dict(zip(("syn", "syn_ack", "ack"), map(_segment_told, talk.conversation.handshake), strict=True))
    return passed(
        _("SYN, SYN-ACK and ACK opened the conversation that carried %(payload)s."),
        talk.evidence | steps,
        **talk.facts,
    )


@_conversation_rule
def _payload(talk: _Talk) -> Finding:
    end = talk.conversation.find(talk.facts["payload"])
    if not talk.conversation.is_acknowledged(end):
        return failed(
            Reason.NOT_ACKNOWLEDGED,
            _("Your word was sent, but %(target)s has not acknowledged it."),
            **talk.facts,
        )
    return passed(
        _("%(target)s received %(payload)s on port %(port)s from %(client)s and acknowledged it."),
        talk.evidence | {"acknowledged": end},
        **talk.facts,
    )


@_conversation_rule
def _retransmission(talk: _Talk) -> Finding:
    again = talk.conversation.retransmissions
    facts = talk.facts | {"count": len(again)}
    if not again:
        return failed(
            Reason.SENT_ONCE, _("The conversation that carried %(payload)s sent no segment twice."), **facts
        )
    evidence = talk.evidence | {"retransmissions": len(again), "first": _segment_told(again[0])}
    return passed(
        _("%(count)s segments of the conversation that carried %(payload)s were sent again."),
        evidence,
        **facts,
    )


@_conversation_rule
def _delivered(talk: _Talk) -> Finding:
    count = talk.conversation.delivered
    if count is None:
        return failed(
            Reason.NOT_ACKNOWLEDGED,
            _("Not all of the conversation that began with %(payload)s has been acknowledged yet."),
            talk.evidence,
            **talk.facts,
        )
    return passed(
        _("%(target)s acknowledged all %(count)s bytes of the conversation that began with %(payload)s."),
        talk.evidence | {"bytes": count},
        count=count,
        **talk.facts,
    )


def _carrying(settings: CaptureSettings, seen: Observation, port: int, payload: str) -> Conversation | None:
    """A retransmission is looked for where it was sent: what was lost never came to the target."""
    there = seen.place(settings.target).address
    far = _talks(seen, settings.target, None, there, port, payload)
    if is_node(settings.source):
        return _best(list(far.values()))
    here = seen.place(settings.source).address
    near = _talks(seen, settings.source, here, there, port, payload)
    if settings.seen_from != "node" and near and not near.keys() & far.keys():
        raise Broken(_ONE_END, source=settings.source, target=settings.target)
    both = near.keys() & far.keys()
    shown = near if settings.shows == "retransmission" else far
    return _best([shown[key] for key in shown if key in both or settings.seen_from == "node"])


def _talks(seen: Observation, pod: str, client: str | None, server: str, port: int, payload: str) -> dict:
    talks = conversations(seen.seen_at(pod), client, server, port)
    return {each.key: each for each in talks if each.carries(payload)}


def _best(talks: list[Conversation]) -> Conversation | None:
    whole = [each for each in talks if each.handshake]
    return (whole or talks or [None])[-1]


def _wrong_address(
    settings: CaptureSettings, seen: Observation, talk: Conversation, facts: dict
) -> Finding | None:
    """The failure when the target saw another address than it must, or None."""
    client, source = talk.client[0], seen.place(settings.source).address
    nodes = {place.address for name, place in seen.places.items() if is_node(name)}
    is_right = {"anyone": True, "source": client == source, "node": client in nodes - {source}}
    if is_right[settings.seen_from]:
        return None
    sentence = {
        "source": _("%(target)s saw %(payload)s come from %(client)s, not from the address of %(source)s."),
        "node": _("%(target)s saw %(payload)s come from %(client)s, not from another node's address."),
    }[settings.seen_from]
    return failed(Reason.WRONG_ADDRESS, sentence, {"client": list(talk.client)}, client=client, **facts)


def _datagram(settings: CaptureSettings, seen: Observation, port: int, payload: str) -> Finding:
    facts = {"source": settings.source, "target": settings.target, "port": port, "payload": payload}
    far, near = (
        {_datagram_key(each): each for each in seen.seen_at(pod) if _carries(each, port, payload)}
        for pod in (settings.target, settings.source)
        if not is_node(pod)
    )
    if near and not far:
        raise Broken(_ONE_END, source=settings.source, target=settings.target)
    both = [far[key] for key in far if key in near]
    if not both:
        return failed(Reason.NOT_CAPTURED, _NOT_YET, **facts)
    evidence = {"at": both[-1].at, "from": both[-1].source, "source_port": both[-1].source_port}
    return passed(
        _("%(target)s received %(payload)s in a datagram to port %(port)s, without a handshake."),
        evidence,
        **facts,
    )


def _carries(packet: Packet, port: int, payload: str) -> bool:
    return isinstance(packet, Datagram) and packet.target_port == port and payload.encode() in packet.payload


def _datagram_key(packet: Datagram) -> tuple:
    return packet.source, packet.source_port, packet.payload


def _reset(settings: CaptureSettings, seen: Observation, port: int, _payload: str) -> Finding:
    here, there = seen.place(settings.source).address, seen.place(settings.target).address
    refused = [
        each
        for each in conversations(seen.seen_at(settings.source), here, there, port)
        if any(segment.is_rst for segment in each.from_server)
        and not each.handshake
        and not is_probe_port(each.client[1])
    ]
    facts = {"source": settings.source, "target": settings.target, "port": port}
    far = {each.key for each in conversations(seen.seen_at(settings.target), here, there, port)}
    if not any(each.key in far for each in refused):
        return failed(
            Reason.NOT_CAPTURED,
            _("No connection of yours from %(source)s to port %(port)s of %(target)s was reset yet."),
            **facts,
        )
    reset = next(segment for segment in refused[-1].from_server if segment.is_rst)
    evidence = {"client": list(refused[-1].client), "reset": _segment_told(reset)}
    return passed(_("%(target)s answered the SYN to port %(port)s with a reset."), evidence, **facts)


def _unreachable(settings: CaptureSettings, seen: Observation, port: int, _payload: str) -> Finding:
    return rewriting.judge_refused(settings, seen, [(seen.place(settings.target).address, port)])


def _echo_told(echo: Echo) -> dict:
    return {
        "at": echo.at,
        "from": echo.source,
        "to": echo.target,
        "id": echo.id,
        "seq": echo.seq,
        "ttl": echo.ttl,
    }


def _segment_told(segment: Segment) -> dict:
    return {
        "at": segment.at,
        "from": segment.source,
        "to": segment.target,
        "seq": segment.seq,
        "ack": segment.ack,
    }


_SHOWS = {
    "echo-pair": _echo_pair,
    "handshake": _handshake,
    "payload": _payload,
    "retransmission": _retransmission,
    "datagram": _datagram,
    "delivered": _delivered,
    "reset": _reset,
    "unreachable": _unreachable,
    "in-clear": in_clear,
    "sealed": sealed,
}
