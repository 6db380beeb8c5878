"""Who on the way could have read a word: in the clear at both ends, or only behind the balancer.

A balancer ends the source's connection and opens another, so the two ends see different
conversations; the word ties them together, and for a sealed one the time does.
"""

from django.utils.translation import gettext_noop as _

from curriculum.kinds import CaptureSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.conversations import Conversation, conversations
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Segment

SLACK_SECONDS = 1.0  # between the clocks of two nodes
_HANDSHAKE, _APPLICATION = b"\x16\x03", b"\x17\x03"  # how a TLS record begins: RFC 8446, section 5.1


def in_clear(settings: CaptureSettings, seen: Observation, port: int, payload: str) -> Finding:
    """The word left the source for the balancer readable, and came to the target so."""
    facts = _facts(settings, port)
    sent = [talk for talk in _to_balancer(settings, seen) if talk.carries(payload)]
    arrived = _arrivals(settings, seen, port)
    if not sent:
        return failed(
            Reason.NOT_CAPTURED,
            _("%(source)s has not sent %(payload)s in the clear to %(address)s:%(via)s yet."),
            **facts,
        )
    if not arrived:
        return failed(Reason.NOT_ARRIVED, _NOT_ARRIVED, **facts)
    evidence = {"at_source": _ends(sent[-1]), "at_target": _ends(arrived[-1])}
    return passed(
        _(
            "%(payload)s was readable on the links of %(source)s and of %(target)s: anybody on the way could"
            " read it."
        ),
        evidence,
        **facts,
    )


def sealed(settings: CaptureSettings, seen: Observation, port: int, payload: str) -> Finding:
    """The word came to the target readable while the source spoke TLS, and never left the source readable."""
    facts = _facts(settings, port)
    if any(payload.encode() in each.payload for each in _sent(settings, seen)):
        return failed(
            Reason.READABLE, _("%(payload)s left %(source)s in the clear; say it only inside TLS."), **facts
        )
    arrived = _arrivals(settings, seen, port)
    if not arrived:
        return failed(Reason.NOT_ARRIVED, _NOT_ARRIVED, **facts)
    at = next(each.at for each in arrived[-1].from_client if each.payload)
    talks = [talk for talk in _to_balancer(settings, seen) if _is_tls(talk) and _was_open(talk, at)]
    if not talks:
        return failed(
            Reason.NOT_SEALED,
            _(
                "%(target)s received %(payload)s, but not while %(source)s spoke TLS with"
                " %(address)s:%(via)s."
            ),
            **facts,
        )
    records = sum(each.payload.startswith(_APPLICATION) for each in talks[-1].from_client)
    evidence = {"at_source": _ends(talks[-1]), "records": records, "at_target": _ends(arrived[-1]), "at": at}
    return passed(
        _(
            "%(payload)s left %(source)s inside TLS and arrived at %(target)s readable: TLS ended at"
            " %(address)s."
        ),
        evidence,
        **facts,
    )


_NOT_ARRIVED = _("%(target)s has not received %(payload)s on port %(port)s yet.")


def _facts(settings: CaptureSettings, port: int) -> dict:
    if not settings.address or not settings.via:
        raise Broken(_("What the lab asks for is not known: %(why)s"), why="address, via")
    told = {name: getattr(settings, name) for name in ("source", "target", "payload", "address", "via")}
    return told | {"port": port}


def _sent(settings: CaptureSettings, seen: Observation) -> list[Segment]:
    here = seen.place(settings.source).address
    return [
        each for each in seen.seen_at(settings.source) if isinstance(each, Segment) and each.source == here
    ]


def _to_balancer(settings: CaptureSettings, seen: Observation) -> list[Conversation]:
    here = seen.place(settings.source).address
    return conversations(seen.seen_at(settings.source), here, settings.address, int(settings.via))


def _arrivals(settings: CaptureSettings, seen: Observation, port: int) -> list[Conversation]:
    """From whoever spoke to the target but the source itself: that way leads past the balancer."""
    here, there = seen.place(settings.source).address, seen.place(settings.target).address
    talks = conversations(seen.seen_at(settings.target), None, there, port)
    return [talk for talk in talks if talk.carries(settings.payload) and talk.client[0] != here]


def _is_tls(talk: Conversation) -> bool:
    """Both sides shook hands and the client then sent at least one record of data."""
    began = all(
        any(each.payload.startswith(_HANDSHAKE) for each in side)
        for side in (talk.from_client, talk.from_server)
    )
    return began and any(_APPLICATION in each.payload for each in talk.from_client)


def _was_open(talk: Conversation, at: float) -> bool:
    times = [each.at for each in (*talk.from_client, *talk.from_server)]
    return min(times) - SLACK_SECONDS <= at <= max(times) + SLACK_SECONDS


def _ends(talk: Conversation) -> dict:
    return {"client": list(talk.client), "server": list(talk.server)}
