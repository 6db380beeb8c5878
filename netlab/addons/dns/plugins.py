"""What the directives of a server block do with a question: a chain, each plugin with its next.

A plugin answers, or hands the question on. Whoever cannot answer raises ServerFailure; past the end of the
chain stands REFUSED, as nobody was asked who knows.
"""

import random
import re
import time
from dataclasses import dataclass, field, replace

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .cluster import Cluster
from .corefile import is_below, longest_match
from .names import DNS_VERSION, Names, NoSuchName, Target, address_of_reverse
from .upstream import NoAnswer, ask

_A, _AAAA = dns.rdatatype.A, dns.rdatatype.AAAA
_MAX_CNAMES = 8
_PAYLOAD = 1232


class ServerFailure(Exception):
    """SERVFAIL; the plugin `errors` logs the reason, if there is one."""


@dataclass(frozen=True)
class Query:
    message: dns.message.Message
    name: str  # lower case, with the final dot
    kind: dns.rdatatype.RdataType
    client: tuple[str, int] = ("", 0)
    protocol: str = "udp"
    size: int = 0
    depth: int = 0

    @classmethod
    def of(cls, message: dns.message.Message, **facts) -> "Query":
        question = message.question[0]
        return cls(message, question.name.to_text().lower(), question.rdtype, **facts)

    def asking(self, name: str) -> "Query":
        """The same question about another name. Raises ServerFailure when names lead in a circle."""
        if self.depth >= _MAX_CNAMES:
            raise ServerFailure("too many names lead to each other")
        message = dns.message.make_query(name, self.kind, id=self.message.id)
        message.flags = self.message.flags
        return replace(self, message=message, name=name.lower(), depth=self.depth + 1)


def reply(
    query: Query, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, *, authoritative: bool = False
) -> dns.message.Message:
    response = dns.message.make_response(query.message, our_payload=_PAYLOAD)
    response.set_rcode(rcode)
    if authoritative:
        response.flags |= dns.flags.AA
    return response


def add(section: list, name, ttl: int, kind: dns.rdatatype.RdataType, *texts: str) -> None:
    """Add records of one name, each a set of its own so that their order is kept."""
    section += [dns.rrset.from_text(name, ttl, dns.rdataclass.IN, kind, text) for text in texts]


class Plugin:
    next: "Plugin"

    async def answer(self, query: Query) -> dns.message.Message:
        """Raises ServerFailure."""
        return await self.next.answer(query)


class Refusing(Plugin):
    """The end of every chain."""

    async def answer(self, query: Query) -> dns.message.Message:
        return reply(query, dns.rcode.REFUSED)


@dataclass
class Kubernetes(Plugin):
    cluster: Cluster
    names: Names
    zones: list[str]
    upstream: Plugin | None = None  # the whole chain, for the targets of ExternalNames
    ttl: int = 5
    fallthrough: list[str] = field(default_factory=list)

    async def answer(self, query: Query) -> dns.message.Message:
        zone = longest_match(query.name, self.zones)
        if zone is None:
            return await self.next.answer(query)
        try:
            response = await self._records(query, zone)
        except NoSuchName:
            if not self.cluster.synced:
                raise ServerFailure("plugin/kubernetes: the Kubernetes API has not answered yet") from None
            if longest_match(query.name, self.fallthrough) is not None:
                return await self.next.answer(query)
            response = reply(query, dns.rcode.NXDOMAIN, authoritative=True)
        if not response.answer:
            add(response.authority, zone, self.ttl, dns.rdatatype.SOA, self._soa(zone))
        return response

    def _soa(self, zone: str) -> str:
        ns, mail = (f"{label}.{zone}".replace("..", ".") for label in ("ns.dns", "hostmaster"))
        return f"{ns} {mail} {self.cluster.changed} 7200 1800 86400 {self.ttl}"

    async def _records(self, query: Query, zone: str) -> dns.message.Message:
        response = reply(query, authoritative=True)
        makers = {
            dns.rdatatype.PTR: self._ptr,
            dns.rdatatype.SRV: self._srv,
            dns.rdatatype.TXT: self._txt,
            dns.rdatatype.NS: self._ns,
            dns.rdatatype.SOA: self._apex_soa,
        }
        # Any other type is looked up like an address: that tells NODATA from NXDOMAIN.
        await makers.get(query.kind, self._addresses)(query, zone, response)
        return response

    async def _addresses(self, query: Query, zone: str, response) -> None:
        """The addresses, behind the aliases of ExternalNames; aliases that lead to none are left out."""
        name, chain = query.message.question[0].name.to_text(), []
        for hop in range(_MAX_CNAMES):
            targets = self._find(name.lower(), zone) if hop == 0 else self._find_next(name.lower(), zone)
            alias = next((_absolute(target.host) for target in targets if not target.is_address), None)
            if alias is None:
                if query.kind == _A and targets:
                    response.answer += chain
                    add(response.answer, name, self.ttl, _A, *dict.fromkeys(t.host for t in targets))
                return
            add(chain, name, self.ttl, dns.rdatatype.CNAME, alias)
            if query.kind == dns.rdatatype.CNAME or not is_below(alias.lower(), zone):
                response.answer += [*chain, *await self._beyond(query, alias)]
                return
            name = alias

    def _find_next(self, name: str, zone: str) -> list[Target]:
        try:
            return self._find(name, zone)
        except NoSuchName:
            return []

    async def _beyond(self, query: Query, name: str) -> list:
        """What the rest of the world says of an ExternalName's target; the alias stands without it too."""
        if query.kind == dns.rdatatype.CNAME:
            return []
        try:
            return (await self.upstream.answer(query.asking(name))).answer
        except ServerFailure:
            return []

    def _find(self, name: str, zone: str) -> list[Target]:
        if name.endswith(".arpa.") and zone.endswith(".arpa."):
            if name == zone:
                return []
            raise NoSuchName
        if name == f"ns.dns.{zone}":
            return self.names.find(f"kube-dns.kube-system.svc.{zone}", zone)
        return self.names.find(name, zone)

    async def _srv(self, query: Query, zone: str, response) -> None:
        targets = [t for t in self._find(query.name, zone) if t.port >= 0]
        weight = max(100 // len(targets), 1) if targets else 0
        texts = dict.fromkeys(
            f"0 {weight} {t.port} {t.owner if t.is_address else _absolute(t.host)}" for t in targets
        )
        add(response.answer, query.message.question[0].name, self.ttl, dns.rdatatype.SRV, *texts)
        for owner, host in dict.fromkeys((t.owner, t.host) for t in targets if t.is_address):
            add(response.additional, owner, self.ttl, _A, host)

    async def _ptr(self, query: Query, zone: str, response) -> None:
        address = address_of_reverse(query.name)
        if address is None:
            self._find(query.name, zone)
            return
        home = next((one for one in self.zones if not one.endswith(".arpa.")), "cluster.local.")
        found = self.names.reverse(address, home)
        if not found:
            raise NoSuchName
        add(response.answer, query.message.question[0].name, self.ttl, dns.rdatatype.PTR, *found)

    async def _txt(self, query: Query, zone: str, response) -> None:
        if query.name == f"dns-version.{zone}":
            add(response.answer, query.message.question[0].name, self.ttl, query.kind, f'"{DNS_VERSION}"')
        else:
            self._find(query.name, zone)

    async def _ns(self, query: Query, zone: str, response) -> None:
        if query.name == zone:
            add(response.answer, zone, self.ttl, query.kind, f"ns.dns.{zone}")
            for target in dict.fromkeys(t.host for t in self._find(f"ns.dns.{zone}", zone)):
                add(response.additional, f"ns.dns.{zone}", self.ttl, _A, target)
        else:
            self._find(query.name, zone)

    async def _apex_soa(self, query: Query, zone: str, response) -> None:
        if query.name == zone:
            add(response.answer, zone, self.ttl, query.kind, self._soa(zone))
        else:
            self._find(query.name, zone)


def _absolute(name: str) -> str:
    return name.rstrip(".") + "."


@dataclass
class Hosts(Plugin):
    entries: dict[str, list[str]]  # name -> addresses
    zones: list[str]
    ttl: int = 3600
    reverse: bool = True
    fallthrough: list[str] = field(default_factory=list)

    async def answer(self, query: Query) -> dns.message.Message:
        texts = self._texts(query)
        if longest_match(query.name, self.zones) is None and not texts:
            return await self.next.answer(query)
        if texts or query.name in self.entries:
            response = reply(query, authoritative=True)
            add(response.answer, query.message.question[0].name, self.ttl, query.kind, *texts)
            return response
        if longest_match(query.name, self.fallthrough) is not None:
            return await self.next.answer(query)
        raise ServerFailure("")  # there is no SOA to make an NXDOMAIN with

    def _texts(self, query: Query) -> list[str]:
        if query.kind == dns.rdatatype.PTR and self.reverse:
            address = address_of_reverse(query.name)
            return [name for name, addresses in self.entries.items() if address in addresses]
        addresses = self.entries.get(query.name, [])
        return [a for a in addresses if query.kind == (_AAAA if ":" in a else _A)]


@dataclass
class Rewrite(Plugin):
    """`rewrite name`: asks for another name, and gives the answer under the name that was asked."""

    match: str  # exact, prefix, suffix, substring or regex
    old: str
    new: str
    goes_on: bool = False  # to the rules that follow, where the first one that fits would end them

    async def answer(self, query: Query) -> dns.message.Message:
        name = self.rewritten(query.name)
        if name is None or name == query.name:
            return await self.next.answer(query)
        following = self.next
        while isinstance(following, Rewrite) and not self.goes_on:
            following = following.next
        response = await following.answer(query.asking(name))
        asked, inner = query.message.question[0].name, dns.name.from_text(name)
        response.question = list(query.message.question)
        response.answer = [_renamed(one, asked) if one.name == inner else one for one in response.answer]
        return response

    def rewritten(self, name: str) -> str | None:
        """The new name, or None where the rule does not speak of this one."""
        old, new = self.old, self.new
        if self.match == "exact":
            return _absolute(new) if name == _absolute(old) else None
        if self.match == "prefix":
            return new + name.removeprefix(old) if name.startswith(old) else None
        if self.match == "suffix":
            old, new = _absolute(old), _absolute(new)
            return name.removesuffix(old) + new if name.endswith(old) else None
        if self.match == "substring":
            return name.replace(old, new) if old in name else None
        found = re.search(old, name)
        return _absolute(re.sub(r"\{(\d+)\}", lambda m: found.group(int(m[1])), new)) if found else None


def _renamed(records: dns.rrset.RRset, name: dns.name.Name) -> dns.rrset.RRset:
    copy = dns.rrset.RRset(name, records.rdclass, records.rdtype)
    copy.update_ttl(records.ttl)
    for item in records:
        copy.add(item)
    return copy


@dataclass
class Cache(Plugin):
    zones: list[str]
    success: int = 3600  # the longest time an answer is kept, in seconds
    denial: int = 1800
    disabled: dict[str, list[str]] = field(default_factory=dict)  # "success"/"denial" -> zones
    capacity: int = 9984

    def __post_init__(self):
        self._kept: dict[tuple, tuple[float, float, dns.message.Message]] = {}

    async def answer(self, query: Query) -> dns.message.Message:
        if longest_match(query.name, self.zones) is None:
            return await self.next.answer(query)
        key = query.name, query.kind, query.message.ednsflags & dns.flags.DO
        now = time.monotonic()
        if key in self._kept and self._kept[key][1] > now:
            return self._fresh(query, *self._kept[key], now)
        response = await self.next.answer(query)
        seconds = self._seconds(query, response)
        if seconds > 0:
            self._keep(key, (now, now + seconds, response), now)
        return response

    def _seconds(self, query: Query, response: dns.message.Message) -> float:
        if response.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN) or response.flags & dns.flags.TC:
            return 0
        kind = "success" if response.answer else "denial"
        if longest_match(query.name, self.disabled.get(kind, [])) is not None:
            return 0
        records = response.answer or response.authority
        ttl = min((one.ttl for one in records), default=5)
        return min(ttl, self.success if response.answer else self.denial)

    def _keep(self, key: tuple, kept: tuple, now: float) -> None:
        if len(self._kept) >= self.capacity:
            self._kept = {key: one for key, one in self._kept.items() if one[1] > now}
        if len(self._kept) < self.capacity:
            self._kept[key] = kept

    def _fresh(self, query: Query, since: float, until: float, kept: dns.message.Message, now: float):
        response = reply(query, kept.rcode())
        response.flags |= kept.flags & dns.flags.RA
        for section in ("answer", "authority", "additional"):
            aged = [_aged(one, int(now - since), int(until - now)) for one in getattr(kept, section)]
            setattr(response, section, aged)
        return response


def _aged(records: dns.rrset.RRset, age: int, left: int) -> dns.rrset.RRset:
    copy = _renamed(records, records.name)
    copy.ttl = max(min(records.ttl - age, left), 0)
    return copy


class LoadBalance(Plugin):
    """Puts the addresses of an answer in another order each time."""

    async def answer(self, query: Query) -> dns.message.Message:
        response = await self.next.answer(query)
        addresses = [one for one in response.answer if one.rdtype in (_A, _AAAA)]
        others = [one for one in response.answer if one.rdtype not in (_A, _AAAA)]
        response.answer = others + random.sample(addresses, len(addresses))
        return response


@dataclass
class Forward(Plugin):
    zone: str
    servers: list[tuple[str, int]]
    policy: str = "random"
    excepted: list[str] = field(default_factory=list)
    force_tcp: bool = False
    max_concurrent: int = 0
    _running: int = 0
    _turn: int = 0

    async def answer(self, query: Query) -> dns.message.Message:
        if not is_below(query.name, self.zone) or longest_match(query.name, self.excepted) is not None:
            return await self.next.answer(query)
        if self.max_concurrent and self._running >= self.max_concurrent:
            return reply(query, dns.rcode.REFUSED)
        self._running += 1
        try:
            return await self._forward(query)
        finally:
            self._running -= 1

    async def _forward(self, query: Query) -> dns.message.Message:
        reason = "no servers"
        for server in self._order():
            try:
                return await ask(query.message, server, tcp=self.force_tcp or query.protocol == "tcp")
            except NoAnswer as error:
                reason = str(error)
        raise ServerFailure(reason)

    def _order(self) -> list[tuple[str, int]]:
        if self.policy == "sequential":
            return self.servers
        if self.policy == "random":
            return random.sample(self.servers, len(self.servers))
        self._turn += 1
        at = self._turn % len(self.servers)
        return self.servers[at:] + self.servers[:at]
