"""Carries a process's output from the pod into a run's stream.

Batched by time and size, the first bytes at once: a flood costs fifty appends a second, a quiet
command is seen without delay. Past the run's byte cap the rest is counted, read slowly and left
out, and the stream says so.
"""

import asyncio
import json
import time
from collections import deque

import redis.asyncio

from k8s_tasks.redis_keys import run_output

CHUNK = 32 * 1024
COMMAND_TICK = 0.020  # seconds between two batches
TERMINAL_TICK = 0.005
DROPPED_PER_SECOND = 8_000_000  # how fast output past the cap is read away


class Publisher:
    """Appends to one run's stream, in order."""

    def __init__(self, redis: redis.asyncio.Redis, run_id, *, tick: float, began: float):
        self._redis = redis
        self._key = run_output(run_id)
        self._tick = tick
        self._began = began
        self._waiting: list[tuple[str, int, bytearray]] = []
        self._size = 0
        self._last = 0.0
        self._flushing = asyncio.Lock()
        self._timer: asyncio.Task | None = None
        self._id = 0
        self.written = 0

    async def write(self, source: str, data: bytes) -> None:
        """Take bytes as they were printed; returns at once unless a full batch has to go out."""
        self._add(source, data)
        self.written += len(data)
        if self._size >= CHUNK or self._idle_for() >= self._tick:
            await self.flush()
        elif self._timer is None:
            self._timer = asyncio.create_task(self._flush_later(), name=f"flush of {self._key}")

    async def event(self, event: str, **facts) -> None:
        """Say something between the bytes before and after it."""
        self._waiting.append(("event", self._ms(), bytearray(json.dumps({"event": event, **facts}).encode())))
        await self.flush()

    async def flush(self) -> None:
        async with self._flushing:
            batch, self._waiting, self._size = self._waiting, [], 0
            self._last = time.monotonic()
            if batch:
                await self._append(batch)

    async def _append(self, batch: list[tuple[str, int, bytearray]]) -> None:
        ids = [self._next_id() for _ in batch]
        async with self._redis.pipeline(transaction=False) as pipe:
            for id, (source, ms, data) in zip(ids, batch, strict=True):
                pipe.xadd(self._key, {"src": source, "ms": ms, "data": bytes(data)}, id=id)
            _check_appended(await pipe.execute(raise_on_error=False))
        await self.appended([(id, len(data)) for id, (_, _, data) in zip(ids, batch, strict=True)])

    def _next_id(self) -> str:
        """Ids are ours: an append that is repeated after a broken connection is then refused, not doubled."""
        self._id = max(self._id + 1, int(time.time() * 1000) << 20)
        return f"{self._id >> 20}-{self._id & 0xFFFFF}"

    async def finish(self) -> None:
        """Everything has been written."""
        await self.flush()

    async def appended(self, sizes: list[tuple[str, int]]) -> None:
        """Called with (id, bytes) of each entry that went out."""

    def _add(self, source: str, data: bytes) -> None:
        self._size += len(data)
        for start in range(0, len(data), CHUNK):
            piece = data[start : start + CHUNK]
            if (
                self._waiting
                and self._waiting[-1][0] == source
                and len(self._waiting[-1][2]) + len(piece) <= CHUNK
            ):
                self._waiting[-1][2].extend(piece)
            else:
                self._waiting.append((source, self._ms(), bytearray(piece)))

    async def _flush_later(self) -> None:
        await asyncio.sleep(max(0.0, self._tick - self._idle_for()))
        self._timer = None
        await self.flush()

    def _idle_for(self) -> float:
        return time.monotonic() - self._last

    def _ms(self) -> int:
        return max(0, int((time.time() - self._began) * 1000))


class CappedPublisher(Publisher):
    """For commands: keeps the first `cap` bytes and tells how many were left out."""

    def __init__(self, *args, cap: int, **options):
        super().__init__(*args, **options)
        self._cap = cap
        self.dropped = 0

    async def write(self, source: str, data: bytes) -> None:
        kept = data[: max(0, self._cap - self.written)]
        if kept:
            await super().write(source, kept)
        if lost := len(data) - len(kept):
            if not self.dropped:
                await self.event("capped", bytes=self._cap)
            # Not as fast as it comes: TCP then slows the process in the pod down.
            self.dropped += lost
            await asyncio.sleep(lost / DROPPED_PER_SECOND)

    async def finish(self) -> None:
        await super().finish()
        if self.dropped:
            await self.event("truncated", bytes=self.dropped)


class RollingPublisher(Publisher):
    """For terminals, which may print without end: keeps about the last `cap` bytes."""

    def __init__(self, *args, cap: int, **options):
        super().__init__(*args, **options)
        self._cap = cap
        self._kept: deque[tuple[str, int]] = deque()
        self._kept_bytes = 0

    async def appended(self, sizes: list[tuple[str, int]]) -> None:
        self._kept.extend(sizes)
        self._kept_bytes += sum(size for _, size in sizes)
        if self._kept_bytes <= self._cap:
            return
        # A quarter at once, so that trimming is rare.
        while self._kept_bytes > self._cap * 3 // 4 and len(self._kept) > 1:
            self._kept_bytes -= self._kept.popleft()[1]
        await self._redis.xtrim(self._key, minid=self._kept[0][0], approximate=False)


def _check_appended(answers: list) -> None:
    for answer in answers:
        if isinstance(answer, Exception) and "equal or smaller" not in str(answer):
            raise answer
