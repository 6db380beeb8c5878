"""Plugins that only look on: the log of queries, the log of errors, the counters."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from .corefile import longest_match
from .plugins import Plugin, Query, ServerFailure, reply

COMMON = (
    '{remote}:{port} - {>id} "{type} {class} {name} {proto} {size} {>do} {>bufsize}" '
    "{rcode} {>rflags} {rsize} {duration}"
)
_FORMATS = {"{common}": COMMON, "{combined}": COMMON + ' "{>opcode}"'}
_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024)


def say(level: str, text: str) -> None:
    """One line of the pod's log. Names in it come from clients, so nothing but plain ASCII goes out."""
    print(f"[{level}] {text}".encode("ascii", "backslashreplace").decode(), flush=True)


@dataclass
class Log(Plugin):
    zones: list[str]
    format: str = COMMON
    classes: tuple[str, ...] = ("all",)

    async def answer(self, query: Query) -> dns.message.Message:
        if longest_match(query.name, self.zones) is None:
            return await self.next.answer(query)
        began = time.perf_counter()
        try:
            response = await self.next.answer(query)
        except ServerFailure:
            self._tell(query, reply(query, dns.rcode.SERVFAIL), began)
            raise
        self._tell(query, response, began)
        return response

    def _tell(self, query: Query, response: dns.message.Message, began: float) -> None:
        if "all" in self.classes or _class(response) in self.classes:
            text = _FORMATS.get(self.format, self.format)
            for token, value in _facts(query, response, time.perf_counter() - began).items():
                text = text.replace(token, str(value))
            say("INFO", text)


def _class(response: dns.message.Message) -> str:
    if response.rcode() in (dns.rcode.SERVFAIL, dns.rcode.REFUSED, dns.rcode.FORMERR, dns.rcode.NOTIMP):
        return "error"
    return "success" if response.answer else "denial"


def _facts(query: Query, response: dns.message.Message, seconds: float) -> dict[str, object]:
    question = query.message.question[0]
    flags = [flag for flag in dns.flags.to_text(response.flags).lower().split() if flag != "ad"]
    return {
        "{remote}": query.client[0],
        "{port}": query.client[1],
        "{>id}": query.message.id,
        "{type}": dns.rdatatype.to_text(query.kind),
        "{class}": dns.rdataclass.to_text(question.rdclass),
        "{name}": query.name,
        "{proto}": query.protocol,
        "{size}": query.size,
        "{>do}": str(bool(query.message.ednsflags & dns.flags.DO)).lower(),
        "{>bufsize}": max(query.message.payload, 512),
        "{>opcode}": int(query.message.opcode()),
        "{rcode}": dns.rcode.to_text(response.rcode()),
        "{>rflags}": ",".join(flags),
        "{rsize}": len(response.to_wire()),
        "{duration}": f"{seconds:.9f}s",
    }


class Errors(Plugin):
    """Writes why an answer is SERVFAIL."""

    async def answer(self, query: Query) -> dns.message.Message:
        try:
            return await self.next.answer(query)
        except ServerFailure as failure:
            if str(failure):
                kind = dns.rdatatype.to_text(query.kind)
                say("ERROR", f"plugin/errors: {dns.rcode.SERVFAIL:d} {query.name} {kind}: {failure}")
            raise


class Metrics(Plugin):
    """Counts for Prometheus, under CoreDNS' names."""

    def __init__(self, server: str, zones: list[str], count: Callable[[str, str, float], None]):
        self._server, self._zones, self._count = server, zones, count

    async def answer(self, query: Query) -> dns.message.Message:
        began = time.perf_counter()
        rcode = "SERVFAIL"
        try:
            response = await self.next.answer(query)
            rcode = dns.rcode.to_text(response.rcode())
            return response
        finally:
            zone = longest_match(query.name, self._zones) or "dropped"
            labels = f'server="{self._server}",zone="{zone}"'
            kind = dns.rdatatype.to_text(query.kind)
            asked = f'{labels},view="",proto="{query.protocol}",family="1",type="{kind}"'
            self._count(asked, f'{labels},view="",rcode="{rcode}",plugin=""', time.perf_counter() - began)


class Registry:
    """The counters of this process, whatever configuration is in force."""

    def __init__(self):
        self._requests: Counter[str] = Counter()
        self._responses: Counter[str] = Counter()
        self._buckets: Counter[float] = Counter()
        self._seconds = 0.0

    def count(self, asked: str, answered: str, seconds: float) -> None:
        self._requests[asked] += 1
        self._responses[answered] += 1
        self._seconds += seconds
        self._buckets[next((edge for edge in _BUCKETS if seconds <= edge), float("inf"))] += 1

    def text(self) -> str:
        lines = ["# TYPE coredns_dns_requests_total counter"]
        lines += [f"coredns_dns_requests_total{{{k}}} {n}" for k, n in self._requests.items()]
        lines.append("# TYPE coredns_dns_responses_total counter")
        lines += [f"coredns_dns_responses_total{{{k}}} {n}" for k, n in self._responses.items()]
        lines.append("# TYPE coredns_dns_request_duration_seconds histogram")
        name, total = "coredns_dns_request_duration_seconds", 0
        for edge in (*_BUCKETS, float("inf")):
            total += self._buckets[edge]
            label = "+Inf" if edge == float("inf") else f"{edge:g}"
            lines.append(f'{name}_bucket{{le="{label}"}} {total}')
        lines += [f"{name}_sum {self._seconds}", f"{name}_count {total}", ""]
        return "\n".join(lines)
