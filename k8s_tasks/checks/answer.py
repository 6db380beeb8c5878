"""A typed answer against what was measured on the live cluster."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise

from django.utils.translation import gettext_noop as _

from curriculum.kinds import AnswerSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.capture import pairs_at_both_ends, student_pings
from k8s_tasks.checks.conversations import conversations
from k8s_tasks.checks.dns import questions_of
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.hops import field_on_the_way
from k8s_tasks.checks.latency import tls_ready_ms
from k8s_tasks.checks.objects import answer_of
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Datagram
from k8s_tasks.checks.rewriting import receiver_of
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.subnets import service_range, subnet
from k8s_tasks.cluster.execs import Completed

KEPT = 200  # characters of an error in the reason
NO_ANSWER = _("You have not answered yet.")
NOTHING_YET = _("Nothing to compare your answer with yet: do the steps before it first.")
SILENCE_MARGIN = 300  # milliseconds: the client looks at its clock when the answer is back, a capture before


class Unreadable(Broken):
    """A command ran, and printed nothing that fits."""


async def check(settings: AnswerSettings, round: Round) -> Finding:
    answer = round.facts.answers.get(settings.step, "")
    if not answer:
        return failed(Reason.UNANSWERED, NO_ANSWER)
    if settings.equals == "reply-ttl":
        return judge_ttl(settings, await round.look([settings.source, settings.target]), answer)
    if settings.equals == "silence":
        seen = await round.look(settings.targets)
        port, payload = int(round.fill(settings.port)), round.fill(settings.payload)
        measured = longest_silence(settings.targets, seen, port=port, payload=payload)
        return judge_silence(measured if (measured or 0) >= settings.lowest else None, answer)
    right = await right_answer(settings, round)
    return (
        judge_number(right, answer, settings.tolerance)
        if settings.tolerance
        else judge_value(right, answer, is_live=is_read_live(settings))
    )


def is_read_live(settings: AnswerSettings) -> bool:
    """Whether what is right stands in the cluster; else it is worked out, or right on every cluster."""
    if settings.equals == "object":
        return "object" in settings.expression
    return settings.equals not in ("value", "subnet")


async def right_answer(settings: AnswerSettings, round: Round):
    """The right answer; None while it cannot be known."""
    if settings.equals == "value":
        return round.fill(settings.value)
    if settings.equals == "object":
        return await answer_of(settings, round)
    if settings.equals == "hop":
        return await field_on_the_way(settings, round)
    if settings.equals == "command":
        done = await round.run_in(settings.pod, [round.fill(word) for word in settings.argv])
        return read_answer(done, round.fill(settings.matches), place=settings.pod)
    if settings.equals == "service-range":
        return await service_range(round)
    if settings.equals == "subnet":
        within = await answer_of(settings, round)
        return subnet(within, int(round.fill(settings.prefix)), int(round.fill(settings.number)))
    if settings.equals == "tls-ready":
        peer = round.fill(settings.address), int(round.fill(settings.port))
        return tls_ready_ms(settings.source, peer, await round.look([settings.source]))
    payload = round.fill(settings.payload)
    if settings.equals == "names-asked":
        return count_names(settings.source, await round.look([settings.source]), payload)
    if settings.equals == "receiver":
        seen = await round.look(settings.targets)
        return receiver_of(settings.targets, seen, port=int(round.fill(settings.port)), payload=payload)
    seen = await round.look([settings.source, settings.target])
    return count_datagrams(settings, seen, port=int(round.fill(settings.port)), start=payload)


def count_names(source: str, seen: Observation, start: str) -> int | None:
    """How many different names that begin with this label the pod asked for; None before it asked."""
    return len({name for name in questions_of(seen, source) if name.startswith(f"{start}.")}) or None


def read_answer(done: Completed, pattern: str, *, place: str) -> str:
    """What the platform's own command printed. Raises Unreadable when nothing fits: no student mends it."""
    found = re.search(pattern, done.stdout.decode(errors="replace"), re.MULTILINE)
    if not found:
        why = done.stderr.decode(errors="replace").strip()[:KEPT] or f"exit code {done.exit_code}"
        raise Unreadable(_("The right answer could not be read at %(place)s: %(why)s"), place=place, why=why)
    return found[1]


def count_datagrams(settings: AnswerSettings, seen: Observation, *, port: int, start: str) -> int | None:
    """How many different datagrams that begin so arrived; None before any was sent."""
    here, there = seen.place(settings.source).address, seen.place(settings.target).address

    def texts(pod: str) -> set[bytes]:
        packets = (each for each in seen.seen_at(pod) if isinstance(each, Datagram))
        ours = (
            each for each in packets if (each.source, each.target, each.target_port) == (here, there, port)
        )
        return {each.payload for each in ours if each.payload.startswith(start.encode())}

    return len(texts(settings.target)) if texts(settings.source) else None


def longest_silence(targets: Sequence[str], seen: Observation, *, port: int, payload: str) -> float | None:
    """The longest time, in milliseconds, from one arrival of the word at any of the targets to the next; None
    before it came twice."""
    came = sorted(
        next(each.at for each in talk.from_client if each.payload)
        for pod in targets
        for talk in conversations(seen.seen_at(pod), None, seen.place(pod).address, port)
        if talk.carries(payload)
    )
    return max((1000 * (after - before) for before, after in pairwise(came)), default=None)


def judge_silence(measured: float | None, answer: str) -> Finding:
    """The client's own figure may differ from the packets' by a tenth, or by what a busy machine takes."""
    if measured is None:
        return judge_value(None, answer)
    if abs(_number(answer) - measured) > max(SILENCE_MARGIN, measured / 10):
        return _wrong(answer)
    return passed(
        _("You answered %(answer)s; the packets' longest silence lasted %(measured)s ms."),
        {"answer": answer, "measured": round(measured)},
        answer=answer,
        measured=round(measured),
    )


def _number(answer: str) -> float:
    try:
        return float(answer)
    except ValueError:
        return math.inf


def judge_number(right: float | None, answer: str, tolerance: float) -> Finding:
    """A number that was measured twice, by the student and by the platform, is never quite the same."""
    if right is None:
        return failed(Reason.NOTHING_TO_COMPARE, NOTHING_YET)
    if abs(_number(answer) - right) <= tolerance * right:
        return passed(
            _("You answered %(answer)s, and %(measured)s was measured in the packets."),
            {"answer": answer, "measured": right, "tolerance": tolerance},
            answer=answer,
            measured=f"{right:.0f}",
        )
    return _wrong(answer)


def judge_value(right, answer: str, *, is_live: bool = True) -> Finding:
    if right is None:
        return failed(Reason.NOTHING_TO_COMPARE, NOTHING_YET)
    if answer.strip().casefold() != spell(right).casefold():
        return _wrong(answer, is_live=is_live)
    told = (
        _("You answered %(answer)s, as it is on the live cluster.")
        if is_live
        else _("You answered %(answer)s, and that is right.")
    )
    return passed(told, {"answer": answer, "measured": spell(right)}, answer=answer)


def _wrong(answer: str, *, is_live: bool = True) -> Finding:
    """The right value is kept out: the student is to read it from the cluster, or to work it out."""
    told = (
        _("You answered %(answer)s, but the live cluster says otherwise.")
        if is_live
        else _("You answered %(answer)s, and that is not it.")
    )
    return failed(Reason.WRONG_ANSWER, told, {"answer": answer}, answer=answer)


def spell(value) -> str:
    """A measured value as one would type it."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def judge_ttl(settings: AnswerSettings, seen: Observation, answer: str) -> Finding:
    names = {"source": settings.source, "target": settings.target}
    pairs = pairs_at_both_ends(*student_pings(settings.source, settings.target, seen))
    if not pairs:
        return failed(
            Reason.NOTHING_TO_COMPARE,
            _("Nothing to compare your answer with: ping %(target)s from %(source)s first."),
            **names,
        )
    reply = pairs[-1][1]
    evidence = {"answer": answer, "measured": reply.ttl, "seq": reply.seq, "at": reply.at}
    if answer == str(reply.ttl):
        return passed(
            _("Replies of %(target)s arrived at %(source)s with a TTL of %(ttl)s, as you answered."),
            evidence,
            ttl=reply.ttl,
            **names,
        )
    return failed(
        Reason.WRONG_ANSWER,
        _("You answered %(answer)s, but the replies of %(target)s arrived at %(source)s with another TTL."),
        {"answer": answer},
        answer=answer,
        **names,
    )
