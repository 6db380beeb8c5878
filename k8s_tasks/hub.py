"""One reader per Redis stream and event loop, shared by all its viewers.

The reader keeps the newest entries; each viewer holds nothing but the id of the last entry it has
seen. Where that id lies within what the reader keeps, the viewer is served from memory; where it
lies before, from Redis. So a viewer may come late, stall or return, and still gets every entry
once, in order. A reader that dies fails its viewers: a quiet terminal would be a lie.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import AsyncIterator

import redis.asyncio
from redis.exceptions import RedisError

from k8s_tasks.entries import Raw, order_of
from k8s_tasks.redis_keys import make_async_redis

KEPT_BYTES = 1_000_000  # of each followed stream
PAGE = 64  # entries of up to 32 KiB per replay read


class StreamLost(Exception):
    """The stream can no longer be read; come back with the last id seen."""


class _Reader:
    """Reads one stream for all its viewers in this process."""

    def __init__(self, redis: redis.asyncio.Redis, key: str):
        self._redis = redis
        self._key = key
        self._kept: deque[Raw] = deque()
        self._kept_bytes = 0
        self._complete_after: tuple[int, int] | None = None
        self._news = asyncio.Event()
        self.failure: Exception | None = None
        self.viewers = 0
        self._task: asyncio.Task | None = None

    async def start(self) -> None:
        # Begin at the tail: what is older is replayed from Redis by those who ask for it.
        newest = await self._redis.xrevrange(self._key, count=1)
        self.newest = newest[0][0].decode() if newest else "0-0"
        self._complete_after = order_of(self.newest)
        self._task = asyncio.create_task(self._read(), name=f"reader of {self._key}")

    async def _read(self) -> None:
        try:
            while True:
                answer = await self._redis.xread({self._key: self.newest}, count=PAGE, block=30_000)
                for _key, raws in answer or []:
                    self._keep([(id.decode(), fields) for id, fields in raws])
        except (RedisError, OSError) as error:
            self.failure = error
            self._news.set()

    def _keep(self, raws: list[Raw]) -> None:
        self._kept.extend(raws)
        self._kept_bytes += sum(_size(raw) for raw in raws)
        self.newest = raws[-1][0]
        while self._kept_bytes > KEPT_BYTES:
            oldest = self._kept.popleft()
            self._kept_bytes -= _size(oldest)
            self._complete_after = order_of(oldest[0])
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def after(self, id: str) -> list[Raw]:
        """The next entries after `id`; waits for one. Raises StreamLost."""
        seen = order_of(id)
        while True:
            if self.failure:
                raise StreamLost(str(self.failure)) from self.failure
            if seen < self._complete_after:
                if page := await self._page_after(id):
                    return page
                seen = self._complete_after  # trimmed meanwhile: nothing older is left
            if order_of(self.newest) > seen:
                return [raw for raw in self._kept if order_of(raw[0]) > seen]
            await self._news.wait()

    async def _page_after(self, id: str) -> list[Raw]:
        try:
            page = await self._redis.xrange(self._key, min=f"({id}", count=PAGE)
        except (RedisError, OSError) as error:
            raise StreamLost(str(error)) from error
        return [(id.decode(), fields) for id, fields in page]

    def stop(self) -> None:
        if self._task:
            self._task.cancel()


class Hub:
    """The readers of one event loop."""

    def __init__(self):
        self.redis = make_async_redis()
        self._readers: dict[str, asyncio.Future[_Reader]] = {}

    async def holds(self, key: str) -> bool:
        try:
            return bool(await self.redis.exists(key))
        except (RedisError, OSError) as error:
            raise StreamLost(str(error)) from error

    async def follow(self, key: str, last_id: str) -> AsyncIterator[list[Raw]]:
        """Pages of entries after `last_id` ("$": from now on). Raises StreamLost."""
        reader = await self._join(key)
        try:
            id = reader.newest if last_id == "$" else last_id
            while True:
                raws = await reader.after(id)
                id = raws[-1][0]
                yield raws
        finally:
            self._leave(key, reader)

    async def _join(self, key: str) -> _Reader:
        if key not in self._readers:
            self._readers[key] = asyncio.ensure_future(self._open(key))
        opening = self._readers[key]
        try:
            # Shielded: a viewer who leaves at once must not take the others' reader with him.
            reader = await asyncio.shield(opening)
        except (RedisError, OSError) as error:
            if self._readers.get(key) is opening:
                del self._readers[key]
            raise StreamLost(str(error)) from error
        reader.viewers += 1
        return reader

    async def _open(self, key: str) -> _Reader:
        reader = _Reader(self.redis, key)
        await reader.start()
        return reader

    def _leave(self, key: str, reader: _Reader) -> None:
        reader.viewers -= 1
        if reader.viewers == 0 or reader.failure:
            opening = self._readers.get(key)
            if opening and opening.done() and opening.result() is reader:
                del self._readers[key]
        if reader.viewers == 0:
            reader.stop()


_hubs: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = weakref.WeakKeyDictionary()


def current_hub() -> Hub:
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


def _size(raw: Raw) -> int:
    return sum(len(value) for value in raw[1].values()) + 100
