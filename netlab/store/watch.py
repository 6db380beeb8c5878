"""The log of changes and the watches that read it.

Every change has its own resourceVersion, so the log is an array indexed by it. A watch is a cursor into
the log: it holds no queue of its own, a slow reader costs nothing, and one that falls out of the kept
part is told `Expired` and must list again, as on a real API server.
"""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Self

from .errors import Expired

KEPT_CHANGES = 20_000


@dataclass(frozen=True, slots=True)
class Event:
    """One change. `previous` is None for ADDED; for DELETED `object` is the last state with the new rv."""

    type: str  # ADDED | MODIFIED | DELETED
    resource: str
    object: dict
    previous: dict | None
    rv: int


class ChangeLog:
    def __init__(self, kept: int = KEPT_CHANGES):
        self._kept = kept
        self._events: deque[Event] = deque()
        self._waiting: set[Watch] = set()
        self.head = 0

    def next_version(self) -> int:
        self.head += 1
        return self.head

    def append(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > self._kept:
            self._events.popleft()
        for watch in [w for w in self._waiting if w.wants(event)]:
            self._waiting.discard(watch)
            watch.wake(event.rv)

    @property
    def oldest(self) -> int:
        return self.head - len(self._events) + 1

    def at(self, rv: int) -> Event:
        if rv < self.oldest:
            raise Expired(rv, self.oldest)
        return self._events[rv - self.oldest]

    def park(self, watch: "Watch") -> None:
        self._waiting.add(watch)

    def unpark(self, watch: "Watch") -> None:
        self._waiting.discard(watch)


class Watch:
    """Async iterator over changes after a version; ends when closed, raises Expired when left behind."""

    def __init__(self, log: ChangeLog, resource: str | None, since: int):
        if since + 1 < log.oldest:
            raise Expired(since, log.oldest)
        self._log, self._resource, self._next = log, resource, since + 1
        self._sleeper: asyncio.Future | None = None
        self._closed = False

    def wants(self, event: Event) -> bool:
        return self._resource is None or event.resource == self._resource

    def wake(self, rv: int) -> None:
        # Sleeping means caught up, so what lies between holds nothing for this watch: skip to the news.
        self._next = rv
        if self._sleeper and not self._sleeper.done():
            self._sleeper.set_result(None)

    def pending(self) -> Event | None:
        """The next change already there, without waiting."""
        while self._next <= self._log.head:
            event = self._log.at(self._next)
            self._next += 1
            if self.wants(event):
                return event
        return None

    def close(self) -> None:
        self._closed = True
        self._log.unpark(self)
        if self._sleeper and not self._sleeper.done():
            self._sleeper.set_result(None)

    async def __anext__(self) -> Event:
        while not self._closed:
            event = self.pending()
            if event:
                return event
            await self._sleep()
        raise StopAsyncIteration

    async def _sleep(self) -> None:
        self._sleeper = asyncio.get_running_loop().create_future()
        self._log.park(self)
        try:
            await self._sleeper
        finally:
            # Cancelled while asleep (a timeout around anext): being caught up until now stays true.
            if self._sleeper.cancelled():
                self._next = self._log.head + 1
            self._log.unpark(self)

    def __aiter__(self) -> "Watch":
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc) -> None:
        self.close()
