"""Gathers what the platform sees of a lab: its own probes, and the captures at the nodes.

A probe is a ping whose payload carries a fresh random mark; that it went and came back is read
from the captures, for the `ping` in the pod is the student's. Where a mark did not come back, the
same probe is sent to the sender's own node: a silence counts only if that one was answered.
"""

import asyncio
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as _

from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.packets import Echo, Packet, read_packets
from k8s_tasks.cluster.agent import Agent, CaptureGone
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.execs import run_to_end, start_process
from k8s_tasks.cluster.labs import capture_name

MARK = b"rdsprobe"  # the platform's own pings carry it, so that they are not taken for a student's
PROBE_SECONDS = 8
SETTLE_SECONDS = 2.0  # tcpdump has written a packet long before


@dataclass(frozen=True)
class Place:
    """A pod as it is now."""

    address: str
    node: str
    node_address: str


@dataclass
class Observation:
    """`probes` and `controls` hold the marks sent, by (source, target) and by source; or why none was."""

    places: dict[str, Place]
    packets: dict[str, list[Packet]] = field(default_factory=dict)
    broken: dict[str, Broken] = field(default_factory=dict)
    probes: dict[tuple[str, str], bytes | Broken] = field(default_factory=dict)
    controls: dict[str, bytes | Broken] = field(default_factory=dict)

    def place(self, pod: str) -> Place:
        place = self.places.get(pod)
        if place is None or not place.address:
            raise Broken(_("The pod %(pod)s is not running; reset the session."), pod=pod)
        return place

    def seen_at(self, pod: str) -> list[Packet]:
        """What the node captured on the pod's link. Raises Broken when there is no good capture."""
        if pod in self.broken:
            raise self.broken[pod]
        return self.packets[pod]

    def mark_of(self, source: str, target: str) -> bytes:
        """What the probe carried. Raises Broken when it could not be sent."""
        mark = self.probes[source, target]
        if isinstance(mark, Broken):
            raise mark
        return mark

    def is_answered(self, pod: str, mark: bytes | Broken | None) -> bool:
        """Whether the reply to a probe from this pod is in its capture. Raises Broken."""
        return isinstance(mark, bytes) and any(each.is_reply for each in self.echoes(pod, mark))

    def echoes(self, pod: str, mark: bytes) -> list[Echo]:
        return [each for each in self.seen_at(pod) if isinstance(each, Echo) and mark in each.payload]


class Observer:
    """Looks at one session. `restart` begins a pod's capture again after it was found dead."""

    def __init__(
        self,
        api: Api,
        session_id,
        namespace: str,
        places: dict[str, Place],
        agents: dict[str, Agent],
        *,
        filter_words,
    ):
        self._api = api
        self._session_id = session_id
        self._namespace = namespace
        self._agents = agents
        self._filter = filter_words
        self.observation = Observation(places)

    async def observe(self, pods: set[str], reaches: Iterable[tuple[str, str]]) -> Observation:
        """Probe each (source, target) and read the captures of the pods."""
        seen = self.observation
        for pair in reaches:
            seen.probes[pair] = await self._probe(*pair)
        await self._settle(pods)
        for source, _target in [pair for pair in seen.probes if not self._is_settled(*pair)]:
            seen.controls[source] = await self._control(source)
        if seen.controls:
            await asyncio.sleep(SETTLE_SECONDS / 4)
            await self._read_all(pods)
        return seen

    async def _probe(self, source: str, target: str) -> bytes | Broken:
        try:
            return await self._ping(source, self.observation.place(target).address)
        except Broken as broken:
            return broken

    async def _control(self, source: str) -> bytes | Broken:
        try:
            return await self._ping(source, self.observation.place(source).node_address)
        except Broken as broken:
            return broken

    async def _ping(self, pod: str, address: str) -> bytes:
        """The mark of three pings; whether they came back is for the captures to say."""
        mark = MARK + secrets.token_bytes(8)
        argv = ["ping", "-n", "-c", "3", "-i", "0.2", "-W", "1", "-p", mark.hex(), address]
        try:
            process = await start_process(self._api, self._namespace, pod, argv)
            await run_to_end(process, seconds=PROBE_SECONDS)
        except ClusterError as error:
            raise Broken(
                _("The probe could not be sent from %(pod)s: %(why)s"), pod=pod, why=error
            ) from error
        return mark

    async def _settle(self, pods: set[str]) -> None:
        """Read the captures until every probe's reply is in them, but not for long."""
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._read_all(pods)
                while not all(self._is_settled(*probe) for probe in self.observation.probes):
                    await asyncio.sleep(SETTLE_SECONDS / 8)
                    await self._read_all(pods)
        except TimeoutError:
            pass
        for pod in pods - self.observation.packets.keys() - self.observation.broken.keys():
            self.observation.broken[pod] = Broken(
                _("The capture of %(pod)s could not be read in time."), pod=pod
            )

    def _is_settled(self, source: str, target: str) -> bool:
        """The reply has been seen, or no waiting will show it."""
        mark = self.observation.probes[source, target]
        if isinstance(mark, Broken) or {source, target} & self.observation.broken.keys():
            return True
        return self.observation.is_answered(source, mark)

    async def _read_all(self, pods: set[str]) -> None:
        await asyncio.gather(*(self._read(pod) for pod in pods))

    async def _read(self, pod: str) -> None:
        if pod in self.observation.broken:
            return
        try:
            place = self.observation.place(pod)
            pcap = await self._agent_on(place).read_capture(capture_name(self._session_id, pod))
            self.observation.packets[pod] = await asyncio.to_thread(read_packets, pcap)
        except Broken as broken:
            self.observation.broken[pod] = broken
        except CaptureGone:
            self.observation.broken[pod] = await self._restart(pod)
        except (ClusterError, ValueError) as error:
            self.observation.broken[pod] = Broken(
                _("The capture of %(pod)s could not be read: %(why)s"), pod=pod, why=error
            )

    async def _restart(self, pod: str) -> Broken:
        place = self.observation.place(pod)
        try:
            name = capture_name(self._session_id, pod)
            await self._agent_on(place).start_capture(name, place.address, self._filter)
        except ClusterError as error:
            return Broken(
                _("The capture of %(pod)s had stopped and could not be started again: %(why)s"),
                pod=pod,
                why=error,
            )
        return Broken(
            _("The capture of %(pod)s had stopped. It runs again: repeat the step, then verify."), pod=pod
        )

    def _agent_on(self, place: Place) -> Agent:
        try:
            return self._agents[place.node]
        except KeyError:
            raise Broken(_("There is no node agent on %(node)s."), node=place.node) from None
