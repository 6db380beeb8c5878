"""One round of looking at a session, shared by all conditions that are judged together.

A check asks for what it needs: the captures of some pods, a command in a pod or on a node, an
object of the API. Captures are read once for all who ask, and again when somebody has sent
something meanwhile. What cannot be had raises Broken: the verdict is then undecided, for it is
the platform that failed and not the student.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from django.utils.translation import gettext_noop as _

from curriculum.domain import substitute
from curriculum.kinds import NODE_PLACE
from curriculum.parameters import SubstitutionError
from k8s_tasks.checks.finding import Broken, CaptureLost
from k8s_tasks.checks.observing import Observation, Place
from k8s_tasks.checks.packets import Packet, read_packets
from k8s_tasks.cluster.agent import Agent, CaptureGone
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.captures import Capture, End, capture_of_pod, captures_of_links
from k8s_tasks.cluster.errors import ClusterError, NotFound
from k8s_tasks.cluster.execs import Completed, run_to_end, start_process
from k8s_tasks.cluster.objects import path_of

SETTLE_SECONDS = 2.0  # tcpdump has written a packet long before
LOOK_AGAIN = SETTLE_SECONDS / 10
PROBE_SECONDS = 8
IN_FORCE_SECONDS = 1.0  # a policy that was just applied may take so long to be in force
Span = tuple[float, float]


@dataclass(frozen=True)
class Facts:
    """What is known of a session before anybody looks: its namespaces besides the main one by key, and the
    namespace of each of the lab's pods; what fills templates in, the student's answers,
    the time of each step's last run (its end is infinite while it goes on), the evidence of conditions
    judged earlier, and the capabilities measured on the cluster."""

    session_id: object
    namespace: str
    values: Mapping[str, object]
    answers: Mapping[str, str] = field(default_factory=dict)
    namespaces: Mapping[str, str] = field(default_factory=dict)
    homes: Mapping[str, str] = field(default_factory=dict)
    filter_words: Sequence[str] = ()
    spans: Mapping[str, Span] = field(default_factory=dict)
    earlier: Mapping[str, dict] = field(default_factory=dict)
    capabilities: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Round:
    """`places` are the pods by name and the nodes as `node:0`, `node:1`, ..."""

    api: Api
    facts: Facts
    places: dict[str, Place]
    agents: dict[str, Agent]
    captures: "Captures"
    span: Span = (0.0, math.inf)
    since: float = 0.0  # of `time.monotonic`: captures that were read before are too old
    about: str = ""  # the key of the condition that is judged

    def within(self, start: float, end: float) -> "Round":
        """The same round, that sees only packets of this time."""
        return replace(self, span=(max(start, self.span[0]), min(end, self.span[1])))

    async def settled(self, end: float) -> "Round":
        """The same round, that looks anew, once what came until `end` (since 1970) is written for sure."""
        await asyncio.sleep(max(0.0, min(end + SETTLE_SECONDS - time.time(), SETTLE_SECONDS)))
        return replace(self, since=time.monotonic())

    def fill(self, template: str) -> str:
        try:
            return substitute(template, self.facts.values)
        except SubstitutionError as error:
            raise Broken(_("What the lab asks for is not known: %(why)s"), why=error) from error

    @property
    def earlier(self) -> dict:
        """The evidence of the last time this condition was judged."""
        return self.facts.earlier.get(self.about, {})

    def place(self, name: str) -> Place:
        return Observation(self.places).place(name)

    def spell(self, name: str) -> str:
        """A place as people know it. Raises Broken where it is not."""
        return Observation(self.places).spell(name)

    async def look(self, pods: Iterable[str], *, since: float = 0.0) -> Observation:
        """The captures of these pods, not older than `since` (of `time.monotonic`)."""
        return await self.look_along([pod for pod in pods if not is_node(pod)], since=since)

    async def look_along(self, places: Iterable[str], *, since: float = 0.0) -> Observation:
        """The captures of pods' links and of nodes' own, not older than `since`."""
        since = max(since, self.since)
        packets, broken = await self.captures.read(list(dict.fromkeys(places)), since=since)
        return Observation(self.places, packets, broken).between(*self.span)

    def node_of(self, pod: str) -> str:
        """The place of the node a pod is on."""
        node = self.place(pod).node
        return next(name for name, place in self.places.items() if is_node(name) and place.node == node)

    async def look_until(
        self,
        pods: Sequence[str],
        is_settled: Callable[[Observation], bool],
        *,
        seconds: float = SETTLE_SECONDS,
    ) -> Observation:
        """Look again until it is settled, but not for long: what is not there then did not come."""
        deadline = time.monotonic() + seconds
        while True:
            now = time.monotonic()
            seen = await self.look(pods, since=now)
            if now >= deadline or is_settled(seen):
                return seen
            await asyncio.sleep(LOOK_AGAIN)

    async def run_in(self, place: str, argv: Sequence[str], *, seconds: float = PROBE_SECONDS) -> Completed:
        """A command of the platform's, in a pod or on a node, to its end."""
        try:
            if is_node(place):
                return await self.agent_on(self.place(place)).run(argv, seconds=seconds)
            namespace = self.place(place).namespace or self.facts.namespace
            process = await start_process(self.api, namespace, place, argv)
            return await run_to_end(process, seconds=seconds)
        except ClusterError as error:
            raise Broken(
                _("The probe could not be sent from %(pod)s: %(why)s"), pod=place, why=error
            ) from error

    def agent_on(self, place: Place) -> Agent:
        return agent_on(self.agents, place)

    async def get(self, api_version: str, kind: str, *, name: str = "", namespace: str = "") -> dict | None:
        """An object, or the list of all of its kind when it has no name; None when it is not there."""
        try:
            where = self.facts.namespaces[namespace] if namespace else self.facts.namespace
            manifest = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}
            path = await path_of(self.api, manifest, namespace=where)
            return await self.api.request("GET", path.rstrip("/"))
        except NotFound:
            return None
        except ClusterError as error:
            raise Broken(_("The cluster could not be looked at: %(why)s"), why=error) from error


class Captures:
    """Reads the captures of a session, a node at a time; those who ask at the same time share one reading.
    `pods` are the lab's own, whose packets the captures between nodes keep."""

    def __init__(
        self,
        session_id,
        places: dict[str, Place],
        agents: dict[str, Agent],
        filter_words: Sequence[str],
        pods: Iterable[str] = (),
    ):
        self._session_id = session_id
        self._places = places
        self._agents = agents
        self._filter = list(filter_words)
        self._pods = list(pods)
        self._packets: dict[str, list[Packet]] = {}
        self._broken: dict[str, Broken] = {}
        self._read_at: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}  # by node
        self._asked: dict[str, set[str]] = {}  # by node: what its next reading is to hold

    async def read(self, pods: Sequence[str], *, since: float) -> tuple[dict, dict]:
        """Packets and troubles by pod; a reading that began after `since` is good enough."""
        by_node: dict[str, list[str]] = {}
        for pod in pods:
            try:
                by_node.setdefault(Observation(self._places).place(pod).node, []).append(pod)
            except Broken as trouble:
                self._broken[pod] = trouble
        await asyncio.gather(*(self._read(node, asked, since) for node, asked in by_node.items()))
        broken = {pod: self._broken[pod] for pod in pods if pod in self._broken}
        return {pod: self._packets[pod] for pod in pods if pod not in broken}, broken

    async def _read(self, node: str, pods: Sequence[str], since: float) -> None:
        self._asked.setdefault(node, set()).update(pods)
        async with self._locks.setdefault(node, asyncio.Lock()):
            if all(pod in self._broken or self._read_at.get(pod, -1.0) >= since for pod in pods):
                self._asked[node].difference_update(pods)
                return
            wanted = self._asked[node].union(pods).difference(self._broken)
            self._asked[node] = set()
            began = time.monotonic()
            await self._fetch(sorted(wanted))
            self._read_at |= dict.fromkeys(wanted, began)

    def _capture_at(self, name: str, place: Place) -> Capture:
        if not is_node(name):
            return capture_of_pod(self._session_id, name, _end(place), self._filter)
        ends = [_end(Observation(self._places).place(pod)) for pod in self._pods]
        links = captures_of_links(self._session_id, ends, self._filter)
        if place.node not in links:
            raise Broken(_("There is no link to another of the lab's nodes at %(node)s."), node=place.node)
        return links[place.node]

    async def _fetch(self, pods: Sequence[str]) -> None:
        """The captures of pods of one node, by one question."""
        captures: dict[str, Capture] = {}
        for pod in pods:
            try:
                captures[pod] = self._capture_at(pod, self._places[pod])
            except Broken as broken:
                self._broken[pod] = broken
        if not captures:
            return
        try:
            agent = agent_on(self._agents, self._places[next(iter(captures))])
            found = await agent.read_captures([each.name for each in captures.values()])
        except Broken as broken:
            self._broken |= dict.fromkeys(captures, broken)
            return
        except ClusterError as error:
            self._broken |= {pod: _unread(pod, error) for pod in captures}
            return
        await asyncio.gather(*(self._take(pod, each, found) for pod, each in captures.items()))

    async def _take(self, pod: str, capture: Capture, found: Mapping[str, bytes | CaptureGone]) -> None:
        pcap = found.get(capture.name)
        if not isinstance(pcap, bytes):
            self._broken[pod] = await self._restart(pod, capture, self._places[pod])
            return
        try:
            self._packets[pod] = await asyncio.to_thread(read_packets, pcap)
        except ValueError as error:
            self._broken[pod] = _unread(pod, error)

    async def _restart(self, pod: str, capture: Capture, place: Place) -> Broken:
        """Begin a capture again that was found dead; what it would have shown is lost."""
        try:
            await capture.start(agent_on(self._agents, place))
        except ClusterError as error:
            sentence = _("The capture of %(pod)s had stopped and could not be started again: %(why)s")
            return Broken(sentence, pod=pod, why=error)
        return CaptureLost(pod, time.time())


def _unread(pod: str, error: Exception) -> Broken:
    return Broken(_("The capture of %(pod)s could not be read: %(why)s"), pod=pod, why=error)


def _end(place: Place) -> End:
    return End(place.address, place.node, place.node_address)


def agent_on(agents: dict[str, Agent], place: Place) -> Agent:
    try:
        return agents[place.node]
    except KeyError:
        raise Broken(_("There is no node agent on %(node)s."), node=place.node) from None


def is_node(place: str) -> bool:
    return place.startswith(NODE_PLACE)
