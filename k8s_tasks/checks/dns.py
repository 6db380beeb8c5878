"""What a pod is answered when it asks for a name, as it came over its link."""

import asyncio
import re
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype
from django.utils.translation import gettext_noop as _

from curriculum.kinds import DnsSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Datagram
from k8s_tasks.checks.round import IN_FORCE_SECONDS, Round

_ID = re.compile(rb"id: (\d+)")
DNS_PORT = 53


@dataclass(frozen=True)
class Reply:
    """What a server answered: `server` is its address, `answers` the values, `code` the response code."""

    id: int
    name: str
    server: str
    code: str
    answers: tuple[str, ...]


async def check(settings: DnsSettings, round: Round) -> Finding:
    name = round.fill(settings.name)
    replies = await ask(settings, round, name)
    if not replies:
        await asyncio.sleep(IN_FORCE_SECONDS)
        replies = await ask(settings, round, name)
    return judge(settings, replies, name=name, wanted=[*map(round.fill, settings.answers)])


async def ask(settings: DnsSettings, round: Round, name: str) -> list[Reply]:
    """What came back over the pod's link; nothing when it was lost on the way or nobody answered."""
    argv = ["dig", "+search", "+tries=1", "+time=2", "+noedns", name, settings.record]
    done = await round.run_in(settings.source, argv)
    if done.exit_code in (126, 127):
        raise Broken(_("The command %(name)s cannot be run in %(pod)s."), name="dig", pod=settings.source)
    asked = {int(found) for found in _ID.findall(done.stdout)}

    def replies(seen: Observation) -> list[Reply]:
        came = replies_in(seen, settings.source, record=settings.record, name=name)
        return [reply for reply in came if reply.id in asked]

    seen = await round.look_until([settings.source], lambda seen: bool(replies(seen)))
    return replies(seen)


def replies_in(seen: Observation, pod: str, *, record: str, name: str) -> list[Reply]:
    """The answers about a name that came over the pod's link; what a tool prints is not looked at."""
    here = seen.place(pod).address
    came = (each for each in seen.seen_at(pod) if isinstance(each, Datagram))
    found = (_reply(each, record) for each in came if (each.target, each.source_port) == (here, DNS_PORT))
    return [reply for reply in found if reply and f"{reply.name}.".startswith(f"{name.rstrip('.')}.")]


def questions_of(seen: Observation, pod: str) -> list[str]:
    """The names the pod asked for, in the order they left over its link, without the last dot."""
    here = seen.place(pod).address
    sent = (each for each in seen.seen_at(pod) if isinstance(each, Datagram))
    asked = (_question(each) for each in sent if (each.source, each.target_port) == (here, DNS_PORT))
    return [name for name in asked if name]


def _question(packet: Datagram) -> str:
    try:
        message = dns.message.from_wire(packet.payload, ignore_trailing=True, continue_on_error=True)
    except dns.exception.DNSException:
        return ""
    names = [each.name.to_text(omit_final_dot=True).lower() for each in message.question]
    return names[0] if names else ""


def _reply(packet: Datagram, record: str) -> Reply | None:
    try:
        message = dns.message.from_wire(packet.payload, ignore_trailing=True, continue_on_error=True)
    except dns.exception.DNSException:
        return None
    code = dns.rcode.to_text(message.rcode())
    kind = dns.rdatatype.from_text(record)
    answers = (_value(each) for rrset in message.answer if rrset.rdtype == kind for each in rrset)
    name = message.question[0].name.to_text(omit_final_dot=True) if message.question else ""
    return Reply(message.id, name, packet.source, code, tuple(sorted(answers)))


def _value(record) -> str:
    return record.to_text().removesuffix(".").strip('"')


def judge(settings: DnsSettings, replies: list[Reply], *, name: str, wanted: list[str]) -> Finding:
    facts = {"source": settings.source, "name": name, "record": settings.record}
    if not replies:
        return failed(Reason.NO_REPLY, _("No answer about %(name)s came to %(source)s."), **facts)
    reply = replies[-1]
    told = ", ".join(reply.answers) or reply.code
    evidence = {"server": reply.server, "code": reply.code, "answers": list(reply.answers)}
    if set(reply.answers) == {answer.removesuffix(".") for answer in wanted}:
        sentence = _("%(source)s asked for %(name)s and was answered %(told)s.")
        return passed(sentence, evidence, told=told, **facts)
    sentence = _("%(source)s asked for %(name)s and was answered %(told)s, which is not what must be.")
    return failed(Reason.WRONG_REPLY, sentence, evidence, told=told, **facts)
