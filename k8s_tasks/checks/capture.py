"""What the student's own packets show: at both ends, so that nobody passes with forged ones."""

from django.utils.translation import gettext_noop as _

from curriculum.domain import substitute
from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.observing import MARK, Observation
from k8s_tasks.checks.packets import Echo, Packet, Segment


def check(settings: dict, seen: Observation, *, values: dict, **_facts) -> Finding:
    return _SHOWS[settings["shows"]](settings, seen, values)


def _echo_pair(settings: dict, seen: Observation, values: dict) -> Finding:
    names = {"source": settings["source"], "target": settings["target"]}
    pairs = student_pairs(settings["source"], settings["target"], seen)
    if pairs:
        request, reply = pairs[-1]
        evidence = {"request": _echo_told(request), "reply": _echo_told(reply), "pairs": len(pairs)}
        return passed(
            _("Echo request %(seq)s of %(source)s and the reply of %(target)s were captured at both ends."),
            evidence,
            seq=request.seq,
            **names,
        )
    if any(not each.is_reply for each in _student_echoes(settings["source"], settings["target"], seen)):
        return failed(
            _("%(source)s sent echo requests to %(target)s, but no reply to one of them was captured."),
            **names,
        )
    return failed(_("No echo request of yours from %(source)s to %(target)s has been captured yet."), **names)


def student_pairs(source: str, target: str, seen: Observation) -> list[tuple[Echo, Echo]]:
    """Request and reply, as captured at `source`, of each ping that `target`'s end saw as well."""
    here, there = seen.place(source).address, seen.place(target).address
    near, far = (_echoes_by_key(seen.seen_at(pod), here, there) for pod in (source, target))
    complete = [
        key for key in near if far.get(key, {}).keys() >= {True, False} and near[key].keys() >= {True, False}
    ]
    return [(near[key][False], near[key][True]) for key in complete]


def _student_echoes(source: str, target: str, seen: Observation) -> list[Echo]:
    here, there = seen.place(source).address, seen.place(target).address
    return [
        echo
        for by_kind in _echoes_by_key(seen.seen_at(source), here, there).values()
        for echo in by_kind.values()
    ]


def _echoes_by_key(packets: list[Packet], here: str, there: str) -> dict[tuple, dict[bool, Echo]]:
    found: dict[tuple, dict[bool, Echo]] = {}
    for echo in packets:
        if not isinstance(echo, Echo) or MARK in echo.payload:
            continue
        if (echo.source, echo.target) == ((there, here) if echo.is_reply else (here, there)):
            found.setdefault((echo.id, echo.seq), {})[echo.is_reply] = echo
    return found


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
    end = carrying.find(facts["payload"].encode())
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
            if each.find(payload.encode()) is not None
        }
        for pod in (source, target)
    )
    facts = {"source": source, "target": target, "port": port, "payload": payload}
    both = [far[key] for key in far if key in near]
    whole = [each for each in both if each.handshake]
    return (whole or both or [None])[-1], facts


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
