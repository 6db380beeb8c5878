"""What held a transfer back: its throughput beside the bound that the same packets give.

    at the source's link  when each byte left, when it was acknowledged, how large a window was announced
    at the target's link  what of it arrived: the rest was lost on the way

The bound is worked out from the RTT, the loss and the window of this very conversation, not from what
somebody meant to set, so chance in the loss moves the bound along with the throughput.
"""

import math
from dataclasses import dataclass
from statistics import median, mode

from django.utils.translation import gettext_noop as _

from curriculum.kinds import ThroughputSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.conversations import Conversation, conversations, distance
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Segment
from k8s_tasks.checks.round import Round

MATHIS = 1.22  # sqrt(3/2): each loss halves the window, each RTT adds a segment
_BITS_OF_MEGA = 8e-6


@dataclass(frozen=True)
class Flow:
    """One transfer, measured. `rtt` is in seconds, `rate` in bytes per second, `window` and `mss` in bytes:
    what was announced at most times, and what most segments carried."""

    seconds: float
    acknowledged: int
    sent: int
    arrived: int
    segments: int
    rtt: float
    window: int
    mss: int

    @property
    def rate(self) -> float:
        return self.acknowledged / self.seconds

    @property
    def loss(self) -> float:
        """The share of the bytes sent, first or again, that did not arrive."""
        return max(0.0, 1 - self.arrived / self.sent)

    def bound(self, kind: str, megabits: float) -> float:
        """Bytes per second; infinite where nothing is lost and loss is to be the bound."""
        if kind == "window":
            return self.window / self.rtt
        if kind == "rate":
            return megabits / _BITS_OF_MEGA
        return MATHIS * self.mss / (self.rtt * math.sqrt(self.loss)) if self.loss else math.inf


async def check(settings: ThroughputSettings, round: Round) -> Finding:
    port, payload = int(round.fill(settings.port)), round.fill(settings.payload)

    def has_ended(seen: Observation) -> bool:
        newest = _newest(_talks(settings, seen, settings.source, port), payload.encode())
        return newest is None or _is_over(newest)

    # The program has ended when the kernel has taken its last byte: that one may have to be sent again.
    seen = await round.look_until([settings.source, settings.target], has_ended)
    return judge(settings, seen, port=port, payload=payload, megabits=float(round.fill(settings.rate) or 0))


def judge(
    settings: ThroughputSettings, seen: Observation, *, port: int, payload: str, megabits: float
) -> Finding:
    facts = {"source": settings.source, "target": settings.target, "payload": payload}
    near = _newest(_talks(settings, seen, settings.source, port), payload.encode())
    if near is None:
        sentence = _(
            "No transfer from %(source)s to %(target)s that begins with %(payload)s was captured yet."
        )
        return failed(Reason.NOT_CAPTURED, sentence, **facts)
    far = next((each for each in _talks(settings, seen, settings.target, port) if each.key == near.key), None)
    if far is None:
        raise Broken(_ONE_END, **facts)
    if near.handshake is None or far.handshake is None:
        sentence = _("The transfer that begins with %(payload)s was captured without its beginning.")
        return failed(Reason.NO_BEGINNING, sentence, **facts)
    if not _is_over(near):
        return failed(
            Reason.NOT_ENDED, _("The transfer that begins with %(payload)s still goes on."), **facts
        )
    flow = measure(near, far)
    if flow is None or flow.segments < settings.segments:
        sentence = _("The transfer that begins with %(payload)s has too few segments to measure by.")
        return failed(Reason.NOT_CAPTURED, sentence, **facts)
    return judge_flow(settings, flow, megabits=megabits, facts=facts)


_ONE_END = _(
    "This was captured at %(source)s but not at %(target)s, so nothing can be concluded: do it again."
)


def _talks(settings: ThroughputSettings, seen: Observation, pod: str, port: int) -> list[Conversation]:
    here, there = seen.place(settings.source).address, seen.place(settings.target).address
    return conversations(seen.seen_at(pod), here, there, port)


def _newest(talks: list[Conversation], start: bytes) -> Conversation | None:
    """The newest whose first bytes were these; nothing else of a long transfer is searched."""
    firsts = [(next((each for each in talk.from_client if each.payload), None), talk) for talk in talks]
    ours = [(first.at, talk) for first, talk in firsts if first and first.payload.startswith(start)]
    return max(ours, key=lambda each: each[0], default=(0.0, None))[1]


def _is_over(talk: Conversation) -> bool:
    return any(each.is_fin for each in talk.from_client)


def measure(near: Conversation, far: Conversation) -> Flow | None:
    """None when nothing came back to measure by."""
    syn, answer, _ack = near.handshake
    base = syn.seq + 1
    data = [each for each in near.from_client if each.length]
    arrived = [each for each in far.from_client if each.length]
    came_back = [each for each in near.from_server if not each.is_syn and not each.is_rst]
    times = _round_trips(data, came_back, base)
    if not times or not arrived:
        return None
    newest = max(came_back, key=lambda each: distance(base, each.ack))
    return Flow(
        seconds=newest.at - data[0].at,
        acknowledged=distance(base, newest.ack),
        sent=sum(each.length for each in data),
        arrived=sum(each.length for each in arrived),
        segments=len(data),
        rtt=median(times),
        window=int(median(each.window << answer.scale for each in came_back)),
        mss=mode(each.length for each in arrived),
    )


def _round_trips(data: list[Segment], came_back: list[Segment], base: int) -> list[float]:
    """From a segment that was sent once to the first acknowledgement that ends with it (Karn's rule)."""
    left: dict[int, float | None] = {}
    for each in data:
        end = distance(base, each.seq) + each.length
        left[end] = None if end in left else each.at
    times = []
    for each in came_back:
        at = left.pop(distance(base, each.ack), None)
        if at is not None:
            times.append(each.at - at)
    return times


def judge_flow(settings: ThroughputSettings, flow: Flow, *, megabits: float, facts: dict) -> Finding:
    bound = flow.bound(settings.bound, megabits)
    facts = facts | _in_words(flow, bound)
    evidence = _told(flow) | {"bound": settings.bound, "bound_mbit": facts["bound"]}
    if not settings.shortest_rtt <= flow.rtt * 1000 <= settings.longest_rtt:
        sentence = _("The RTT of the transfer %(payload)s was %(rtt)s ms: this is not the delay it is about.")
        return failed(Reason.OTHER_PATH, sentence, evidence, **facts)
    if not settings.least_loss <= flow.loss <= settings.most_loss:
        sentence = _(
            "%(loss)s %% of what %(source)s sent in the transfer %(payload)s was lost: this is not the loss"
            " it is about."
        )
        return failed(Reason.OTHER_PATH, sentence, evidence, **facts)
    if not settings.lowest <= flow.rate / bound <= settings.highest:
        sentence = _(
            "The transfer %(payload)s made %(rate)s Mbit/s, and its bound is %(bound)s: they do not fit"
            " together."
        )
        return failed(Reason.OFF_BOUND, sentence, evidence, **facts)
    return passed(_SAYS[settings.bound], evidence, **facts)


_SAYS = {
    "window": _("%(rate)s Mbit/s at an RTT of %(rtt)s ms: window / RTT gives %(bound)s Mbit/s."),
    "loss": _(
        "%(rate)s Mbit/s at an RTT of %(rtt)s ms and %(loss)s %% loss: Mathis' bound is %(bound)s Mbit/s."
    ),
    "rate": _("%(rate)s Mbit/s at an RTT of %(rtt)s ms; asked for were %(bound)s Mbit/s."),
}


def _in_words(flow: Flow, bound: float) -> dict:
    return {
        "rate": round(flow.rate * _BITS_OF_MEGA, 2),
        "bound": round(bound * _BITS_OF_MEGA, 2) if math.isfinite(bound) else "∞",
        "rtt": round(flow.rtt * 1000, 1),
        "loss": round(flow.loss * 100, 2),
    }


def _told(flow: Flow) -> dict:
    return {
        "rate_mbit": round(flow.rate * _BITS_OF_MEGA, 3),
        "rtt_ms": round(flow.rtt * 1000, 2),
        "loss": round(flow.loss, 5),
        "window": flow.window,
        "mss": flow.mss,
        "segments": flow.segments,
        "seconds": round(flow.seconds, 2),
    }
