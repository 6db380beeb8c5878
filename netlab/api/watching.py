"""The watch: one line of JSON per change, for as long as the client listens.

Without a version (or with 0) the present objects come first, as ADDED. With `sendInitialEvents` a
bookmark says where they end; kubectl's wait, rollout status and delete hang without it. An object
that a selector stops matching is sent as DELETED, one it starts matching as ADDED.
"""

import asyncio
import time

from aiohttp import web

from netlab.store import Event, Expired, Store, Watch

from . import status
from .rendering import Renderer, dump
from .request import Call
from .rest import selection

_BOOKMARK_SECONDS = 60
_BATCH = 200
_BURST_SECONDS = 0.01


async def watch(store: Store, call: Call) -> web.StreamResponse:
    """Raises ApiError before the stream has begun; later troubles are ERROR events in it."""
    feed = _Feed(store, call)
    response = web.StreamResponse(
        headers={"Content-Type": "application/json", "Cache-Control": "no-cache, private"}
    )
    response.enable_chunked_encoding()
    await response.prepare(call.http)
    try:
        await feed.run(response)
    except Expired as error:
        gone = status.from_store(error)
        await response.write(dump({"type": "ERROR", "object": gone.body()}))
    except (ConnectionResetError, ConnectionError):
        pass  # the client went away
    return response


class _Feed:
    def __init__(self, store: Store, call: Call):
        self._call, self._kind = call, call.kind
        self._renderer = Renderer(call.kind, call.http)
        self._wanted = selection(call)
        self._bookmarks = call.flag("allowWatchBookmarks")
        self._initial_end = call.flag("sendInitialEvents")
        _check_initial(call)
        seconds = call.number("timeoutSeconds")
        self._deadline = time.monotonic() + seconds if seconds else None
        self._store, self._sent_at = store, 0.0
        since = call.http.query.get("resourceVersion", "")
        from_now = call.http.query.get("sendInitialEvents") == "false"
        self._with_present = self._initial_end or (since in ("", "0") and not from_now)
        self._since = None if self._with_present or since in ("", "0") else _version(since)

    async def run(self, response: web.StreamResponse) -> None:
        async with self._open() as changes:
            version = self._store.version
            if self._with_present:
                await self._send(response, self._present())
            if self._initial_end and self._bookmarks:
                await self._send(response, [self._bookmark(version, initial_end=True)])
            while await self._follow(response, changes):
                pass

    def _open(self) -> Watch:
        return self._store.watch(self._kind.stored_as, since=self._since)

    def _present(self) -> list[dict]:
        objects = self._store.list(self._kind.stored_as, self._call.namespace)
        shown = [obj for obj in objects if self._shows(obj)]
        return [{"type": "ADDED", "object": self._renderer.object(obj)} for obj in shown]

    async def _follow(self, response: web.StreamResponse, changes: Watch) -> bool:
        """Send what there is; False when the asked time is over."""
        wait = float(_BOOKMARK_SECONDS)
        if self._deadline is not None:
            wait = min(wait, self._deadline - time.monotonic())
        if wait <= 0:
            return False
        try:
            event = await asyncio.wait_for(anext(changes), wait)
        except TimeoutError:
            if self._bookmarks:
                await self._send(response, [self._bookmark(self._store.version, initial_end=False)])
            return True
        # In a burst, a write for each change and each of many listeners would cost more than the changes do.
        if time.monotonic() - self._sent_at < _BURST_SECONDS:
            await asyncio.sleep(_BURST_SECONDS)
        await self._send(response, self._batch(event, changes))
        self._sent_at = time.monotonic()
        return True

    def _batch(self, event: Event | None, changes: Watch) -> list[dict]:
        lines: list[dict] = []
        while event and len(lines) < _BATCH:
            lines += self._line(event)
            event = changes.pending() if len(lines) < _BATCH else None
        return lines

    def _line(self, event: Event) -> list[dict]:
        now = event.type != "DELETED" and self._shows(event.object)
        before = event.previous is not None and self._shows(event.previous)
        if not now and not before:
            return []
        kind = "MODIFIED" if now and before else "ADDED" if now else "DELETED"
        return [{"type": kind, "object": self._renderer.object(event.object)}]

    def _shows(self, obj: dict) -> bool:
        namespace = self._call.namespace
        return (namespace is None or obj["metadata"].get("namespace") == namespace) and self._wanted(obj)

    def _bookmark(self, version: int, *, initial_end: bool) -> dict:
        return {"type": "BOOKMARK", "object": self._renderer.bookmark(version, initial_end=initial_end)}

    async def _send(self, response: web.StreamResponse, lines: list[dict]) -> None:
        if lines:
            await response.write(b"".join(map(dump, lines)))


def _check_initial(call: Call) -> None:
    asked = "sendInitialEvents" in call.http.query
    if asked and call.http.query.get("resourceVersionMatch") != "NotOlderThan":
        message = (
            'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is'
            " forbidden for watch unless resourceVersionMatch is set to NotOlderThan"
        )
        raise status.ApiError(422, "Invalid", message)


def _version(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise status.bad_request(f'resourceVersion: Invalid value: "{text}"') from None
