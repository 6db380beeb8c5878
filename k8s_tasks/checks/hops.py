"""One datagram on all links of its way: the source's, those of the two nodes, the target's."""

from collections.abc import Sequence

from django.utils.translation import gettext_noop as _

from curriculum.kinds import ON_THE_WAY, AnswerSettings, CaptureSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Datagram
from k8s_tasks.checks.round import Round

Sent = dict[tuple, Datagram]  # by source port and payload: the same on every link


async def check(settings: CaptureSettings, round: Round) -> Finding:
    way = _way(settings, round)
    seen = await round.look_along(way)
    port, payload = int(round.fill(settings.port)), round.fill(settings.payload)
    ends = settings.source, settings.target
    return judge([_sent(seen, place, ends, port, payload) for place in way], way, payload=payload)


def judge(sent: Sequence[Sent], way: Sequence[str], *, payload: str) -> Finding:
    facts = {"payload": payload, "source": way[0], "target": way[-1]}
    whole = [key for key in sent[0] if all(key in there for there in sent)]
    if whole:
        hops = [there[whole[-1]] for there in sent]
        return passed(
            _("A datagram with %(payload)s was captured on %(count)s links, with the TTLs %(ttls)s."),
            {"hops": [_told(place, hop) for place, hop in zip(way, hops, strict=True)]},
            count=len(hops),
            ttls=", ".join(str(hop.ttl) for hop in hops),
            **facts,
        )
    if not sent[0]:
        return failed(
            Reason.NOT_CAPTURED,
            _("No datagram with %(payload)s from %(source)s to %(target)s has been captured yet."),
            **facts,
        )
    last = max(number for number, there in enumerate(sent) if sent[0].keys() & there.keys())
    if last == len(way) - 1:
        raise Broken(
            _("The datagram with %(payload)s arrived, but not every link saw it: send it again."), **facts
        )
    return failed(
        Reason.NOT_ARRIVED,
        _("The datagram with %(payload)s did not come to %(target)s; it was last seen at %(place)s."),
        {"hops": [_told(way[last], each) for each in sent[last].values()]},
        place=way[last],
        **facts,
    )


async def field_on_the_way(settings: AnswerSettings, round: Round) -> str | None:
    """The field of the newest such datagram at the place that is asked for; None before one was there."""
    place = _way(settings, round)[ON_THE_WAY.index(settings.at)]
    seen = await round.look_along([place])
    port, payload = int(round.fill(settings.port)), round.fill(settings.payload)
    sent = list(_sent(seen, place, (settings.source, settings.target), port, payload).values())
    if not sent:
        return None
    sender, receiver = sent[-1].macs
    return {"ttl": str(sent[-1].ttl), "source-mac": sender, "target-mac": receiver}[settings.field]


def _way(settings: CaptureSettings | AnswerSettings, round: Round) -> list[str]:
    """The places in the order of ON_THE_WAY."""
    source, target = settings.source, settings.target
    return [source, round.node_of(source), round.node_of(target), target]


def _sent(seen: Observation, place: str, ends: tuple[str, str], port: int, payload: str) -> Sent:
    here, there = (seen.place(pod).address for pod in ends)
    ours = (
        each
        for each in seen.seen_at(place)
        if isinstance(each, Datagram) and (each.source, each.target, each.target_port) == (here, there, port)
    )
    return {(each.source_port, each.payload): each for each in ours if payload.encode() in each.payload}


def _told(place: str, hop: Datagram) -> dict:
    macs = {"from_mac": hop.macs[0], "to_mac": hop.macs[1]}
    return {"place": place, "at": hop.at, "from": hop.source, "to": hop.target, "ttl": hop.ttl, **macs}
