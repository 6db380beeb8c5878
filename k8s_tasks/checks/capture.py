"""What the student's own packets show: at both ends, so that nobody passes with forged ones."""

from django.utils.translation import gettext_noop as _

from curriculum.domain import substitute
from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import MARK, Observation
from k8s_tasks.checks.packets import Echo, Packet, Segment


def check(settings: dict, seen: Observation, *, values: dict, **_facts) -> Finding:
    return _SHOWS[settings["shows"]](settings, seen, values)


def _echo_pair(settings: dict, seen: Observation, values: dict) -> Finding:
    names = {"source": settings["source"], "target": settings["target"]}
    near, _far = ends = student_pings(settings, seen)
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
        return failed(sentence, **names)
    return failed(_("No echo request of yours from %(source)s to %(target)s has been captured yet."), **names)


Pings = dict[tuple[int, int], dict[bool, Echo]]  # by (id, seq): the request (False) and the reply (True)
_PAIR = {False, True}
_ONE_END = _(
    "This was captured at %(source)s but not at %(target)s, so nothing can be concluded: do it again."
)


def student_pings(settings: dict, seen: Observation) -> tuple[Pings, Pings]:
    """The student's pings from source to target, as captured at the one and at the other."""
    source, target = settings["source"], settings["target"]
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


def _handshake(settings: dict, seen: Observation, values: dict) -> Finding:
    carrying, facts = _carrying(settings, seen, values)
    if carrying is None:
        return failed(
            _("No conversation with %(target)s on port %(port)s has carried your word %(payload)s yet."),
            **facts,
        )
    if carrying.handshake is None:
        return failed(
            _("The conversation that carried %(payload)s was captured without its beginning."), **facts
        )
    steps = dict(zip(("syn", "syn_ack", "ack"), map(_segment_told, carrying.handshake), strict=True))
    evidence = {"client": list(carrying.client), "server": list(carrying.server), **steps}
    return passed(
        _("SYN, SYN-ACK and ACK opened the conversation that carried %(payload)s."), evidence, **facts
    )


def _payload(settings: dict, seen: Observation, values: dict) -> Finding:
    carrying, facts = _carrying(settings, seen, values)
    if carrying is None:
        return failed(_("%(target)s has not received your word %(payload)s on port %(port)s yet."), **facts)
    end = carrying.find(facts["payload"])
    if not carrying.is_acknowledged(end):
        return failed(_("Your word was sent, but %(target)s has not acknowledged it."), **facts)
    evidence = {"client": list(carrying.client), "server": list(carrying.server), "acknowledged": end}
    return passed(
        _("%(target)s received %(payload)s on port %(port)s and acknowledged it."), evidence, **facts
    )


def _carrying(settings: dict, seen: Observation, values: dict) -> tuple[Conversation | None, dict]:
    """The newest conversation that carried the payload at both ends, as its target's end saw it."""
    source, target = settings["source"], settings["target"]
    port, payload = (substitute(settings[name], values) for name in ("port", "payload"))
    here, there = seen.place(source).address, seen.place(target).address
    near, far = (
        {
            each.key: each
            for each in conversations(seen.seen_at(pod), here, there, int(port))
            if each.carries(payload)
        }
        for pod in (source, target)
    )
    if near and not near.keys() & far.keys():
        raise Broken(_ONE_END, source=source, target=target)
    both = [far[key] for key in far if key in near]
    whole = [each for each in both if each.handshake]
    return (whole or both or [None])[-1], {
        "source": source,
        "target": target,
        "port": port,
        "payload": payload,
    }


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


_SHOWS = {"echo-pair": _echo_pair, "handshake": _handshake, "payload": _payload}
