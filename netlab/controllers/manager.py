"""The loop under all controllers.

A controller says which keys an event concerns and brings the world of one key into the wanted state.
The manager feeds it every change, calls `sync` once per key however many changes named it, and tries
again, later each time, when a sync fails. All is synchronous on one loop, so a sync sees a world that
does not move.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import Protocol

from netlab.store import Event, Expired, Store

log = logging.getLogger(__name__)
Key = tuple[str, ...]
_FIRST_RETRY, _LAST_RETRY = 0.2, 30.0
_YIELD_EVERY = 20  # syncs between two looks at the rest of the program


class Controller(Protocol):
    name: str

    def concerned(self, event: Event) -> Iterable[Key]:
        """The keys this event may change the outcome for."""

    def sync(self, key: Key) -> float | None:
        """Bring about what is wanted; answer after how many seconds to look again, if so."""


class StoreController:
    """What most controllers begin as: they know the store and nothing else."""

    def __init__(self, store: Store):
        self._store = store


class Manager:
    def __init__(self, store: Store, controllers: list[Controller]):
        self._store, self._controllers = store, controllers
        self._due: dict[tuple[Controller, Key], None] = {}
        self._failures: dict[tuple[Controller, Key], int] = {}
        self._timers: dict[tuple[Controller, Key], asyncio.TimerHandle] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        working = asyncio.create_task(self._work(), name="controllers")
        try:
            while True:
                try:
                    await self._follow()
                except Expired:
                    log.warning("the controllers fell behind and look at everything again")
        finally:
            working.cancel()
            for timer in self._timers.values():
                timer.cancel()
            await asyncio.gather(working, return_exceptions=True)

    async def _follow(self) -> None:
        async with self._store.watch() as changes:
            self._feed_present()
            async for event in changes:
                self._feed(event)

    def _feed_present(self) -> None:
        for resource in self._store.resources():
            for obj in self._store.list(resource):
                self._feed(Event("ADDED", resource, obj, None, int(obj["metadata"]["resourceVersion"])))

    def _feed(self, event: Event) -> None:
        for controller in self._controllers:
            for key in self._concerned(controller, event):
                self._due[controller, key] = None
        if self._due:
            self._wake.set()

    def _concerned(self, controller: Controller, event: Event) -> list[Key]:
        try:
            return list(controller.concerned(event))
        except Exception:  # one odd object must not end the cluster
            log.exception("%s cannot read a %s of %s", controller.name, event.type, event.resource)
            return []

    async def _work(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            done = 0
            while self._due:
                item = next(iter(self._due))
                del self._due[item]
                self._sync(*item)
                done += 1
                if done % _YIELD_EVERY == 0:
                    await asyncio.sleep(0)

    def _sync(self, controller: Controller, key: Key) -> None:
        item = controller, key
        try:
            again = controller.sync(key)
        except Exception:
            failures = self._failures[item] = self._failures.get(item, 0) + 1
            again = min(_FIRST_RETRY * 2**failures, _LAST_RETRY)
            log.exception("%s: %s failed, again in %.1f s", controller.name, "/".join(key), again)
        else:
            self._failures.pop(item, None)
        self._schedule(item, again)

    def _schedule(self, item: tuple[Controller, Key], seconds: float | None) -> None:
        timer = self._timers.pop(item, None)
        if timer:
            timer.cancel()
        if seconds is not None:
            self._timers[item] = asyncio.get_running_loop().call_later(seconds, self._due_now, item)

    def _due_now(self, item: tuple[Controller, Key]) -> None:
        self._timers.pop(item, None)
        self._due[item] = None
        self._wake.set()


class Stepper(Manager):
    """Runs controllers by hand, without a loop: for what must be right before the first request."""

    def __init__(self, store: Store, controllers: list[Controller]):
        super().__init__(store, controllers)
        self._feed_present()
        self._seen = store.version

    def settle(self) -> None:
        """Act on everything that has happened, until nothing moves. Raises what a sync raises."""
        self._catch_up()
        while self._due:
            controller, key = next(iter(self._due))
            del self._due[controller, key]
            controller.sync(key)
            self._catch_up()

    def _catch_up(self) -> None:
        changes = self._store.watch(since=self._seen)
        while event := changes.pending():
            self._feed(event)
        self._seen = self._store.version
