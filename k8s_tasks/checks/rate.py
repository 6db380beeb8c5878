"""At what rate a conversation arrived: what TCP carried, divided by the time it took to come by."""

from django.utils.translation import gettext_noop as _

from curriculum.kinds import RateSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.round import Round


async def check(settings: RateSettings, round: Round) -> Finding:
    seen = await round.look([settings.source, settings.target])
    port, payload = int(round.fill(settings.port)), round.fill(settings.payload)
    return judge(settings, seen, port=port, payload=payload)


def judge(settings: RateSettings, seen: Observation, *, port: int, payload: str) -> Finding:
    """The newest conversation that carried the payload decides, at the target's link: what a queue
    before it holds back comes by later."""
    facts = {"source": settings.source, "target": settings.target, "port": port, "payload": payload}
    talk = _carrying(settings, seen, port, payload)
    if talk is None:
        sentence = _("%(target)s has not received your word %(payload)s on port %(port)s yet.")
        return failed(Reason.NOT_CAPTURED, sentence, **facts)
    count, seconds = talk.delivered, _seconds(talk)
    if count is None or count < settings.least_bytes or not seconds:
        sentence = _(
            "The conversation that began with %(payload)s is not over, or too little was sent: at least"
            " %(least)s bytes."
        )
        return failed(Reason.NOT_ACKNOWLEDGED, sentence, **facts, least=settings.least_bytes)
    rate = count * 8 / 1000 / seconds
    told = {"rate": f"{rate:.0f}", "count": count, "seconds": round(seconds, 2)}
    evidence = {
        "client": list(talk.client),
        "bytes": count,
        "seconds": round(seconds, 3),
        "kbit_s": round(rate, 1),
        "accepted": [settings.lowest, settings.highest],
    }
    if settings.lowest <= rate <= settings.highest:
        return passed(
            _("%(count)s bytes came to %(target)s in %(seconds)s s: %(rate)s kbit/s."),
            evidence,
            **facts,
            **told,
        )
    return failed(
        Reason.WRONG_RATE,
        _("%(count)s bytes came to %(target)s in %(seconds)s s: %(rate)s kbit/s is not the set rate."),
        evidence,
        **facts,
        **told,
    )


def _carrying(settings: RateSettings, seen: Observation, port: int, payload: str) -> Conversation | None:
    here, there = seen.place(settings.source).address, seen.place(settings.target).address
    talks = conversations(seen.seen_at(settings.target), here, there, port)
    return next((talk for talk in reversed(talks) if talk.carries(payload)), None)


def _seconds(talk: Conversation) -> float:
    """From the first to the last segment with data."""
    times = [each.at for each in talk.from_client if each.length]
    return times[-1] - times[0] if times else 0.0
