"""Drives one command or terminal in a pod from start to end, on the worker's loop.

Three things may end it: the process itself, somebody's wish (cancel, or the closed page of an
idle terminal), or the clock. In the last two the process is killed in the pod by its run id:
closing the exec socket would leave it running, as on any kubelet.
"""

import asyncio
import logging
import time
from dataclasses import dataclass

import redis.asyncio
from opentelemetry import trace
from redis.exceptions import RedisError

from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.execs import Process
from k8s_tasks.enums import RunState
from k8s_tasks.pump import Publisher
from k8s_tasks.redis_keys import run_beat, run_input

logger = logging.getLogger(__name__)

WINDOW = 128_000  # bytes a terminal may print before its page has shown them; a page tells each 50 kB
PENDING_INPUT = 1_000_000  # bytes typed or pasted that the process has not read
NOTED_SIZES = 1000  # how often a terminal's new size is kept for its replay
NOTED_TURNS = 1000  # how often it is kept there who types
BEAT_EVERY, BEAT_LASTS = 2, 8  # seconds
KILL_PATIENCE = 5  # seconds until a killed process must have closed its output


@dataclass(frozen=True)
class Outcome:
    state: RunState
    exit_code: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Limits:
    """`seconds` ends any run, as `at_deadline` says; `idle_seconds` a terminal nobody uses."""

    seconds: float
    at_deadline: Outcome
    idle_seconds: float | None = None
    when_idle: Outcome | None = None


class Window:
    """Holds the reading of a terminal back while its page has too much left to show."""

    def __init__(self, limit: int = WINDOW):
        self._limit = limit
        self._unseen = 0
        self._open = asyncio.Event()
        self._open.set()

    async def wait(self) -> None:
        await self._open.wait()

    def sent(self, count: int) -> None:
        self._unseen += count
        if self._unseen >= self._limit:
            self._open.clear()

    def seen(self, count: int) -> None:
        # A reloaded page shows bytes again and says so again.
        self._unseen = max(0, self._unseen - count)
        if self._unseen < self._limit:
            self._open.set()

    def lift(self) -> None:
        self._limit = float("inf")
        self._open.set()


class Drive:
    """`end_process` kills the process in the pod; it may raise ClusterError."""

    def __init__(
        self, run_id, process: Process, publisher: Publisher, limits: Limits, *, end_process, window=None
    ):
        self._run_id = run_id
        self._process = process
        self._publisher = publisher
        self._limits = limits
        self._end_process = end_process
        self._window: Window | None = window
        self._active_at = time.monotonic()
        self._typed: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()
        self._withdrawn: set[str] = set()
        self._is_guest, self._turns_noted = False, 0
        self._pending_input = 0
        self._sizes_noted = 0

    async def run(self, redis: redis.asyncio.Redis) -> Outcome:
        reading = asyncio.create_task(self._read(), name=f"output of {self._run_id}")
        stopping = asyncio.create_task(self._until_stopped(redis), name=f"input of {self._run_id}")
        typing = asyncio.create_task(self._type(), name=f"keys of {self._run_id}")
        try:
            await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
            stopped = None if reading.done() else await self._stop(stopping, reading)
            outcome = stopped or _outcome_of(reading, self._process)
            await self._publisher.finish()
            return outcome
        finally:
            for task in (reading, stopping, typing):
                task.cancel()
            await self._process.close()

    async def _read(self) -> None:
        silent = True
        async for source, data in self._process.output():
            if silent:
                silent = False
                trace.get_current_span().add_event("first output", {"redes.bytes": len(data)})
            self._active_at = time.monotonic()
            # Counted first: the page may acknowledge an entry before its append has returned to us,
            # and what was acknowledged too early would go on counting as unseen.
            if self._window:
                self._window.sent(len(data))
            await self._publisher.write(source, data)
            if self._window:
                await self._window.wait()

    async def _stop(self, stopping: asyncio.Task, reading: asyncio.Task) -> Outcome:
        """The outcome that was asked for, once the process in the pod has ended."""
        outcome = stopping.result()
        if self._window:
            self._window.lift()
        try:
            await self._end_process()
        except ClusterError as error:
            return Outcome(outcome.state, reason=f"{outcome.reason} ({error})".strip())
        await asyncio.wait({reading}, timeout=KILL_PATIENCE)
        return outcome

    async def _until_stopped(self, redis: redis.asyncio.Redis) -> Outcome:
        try:
            async with asyncio.timeout(self._limits.seconds):
                return await self._obey(redis)
        except TimeoutError:
            return self._limits.at_deadline

    async def _obey(self, redis: redis.asyncio.Redis) -> Outcome:
        """Pass input on until somebody cancels or, in a terminal, nothing happens for too long."""
        key, last = run_input(self._run_id), "0"
        while (block := self._milliseconds_left_idle()) is not None:
            for _key, messages in await redis.xread({key: last}, count=100, block=block) or []:
                for id, fields in messages:
                    last = id
                    kind, data = fields[b"kind"].decode(), fields[b"data"]
                    if kind == "cancel":
                        return Outcome(RunState.CANCELLED, reason=data.decode())
                    await self._take(kind, data, fields.get(b"grant", b"").decode())
        return self._limits.when_idle

    def _milliseconds_left_idle(self) -> int | None:
        """0 waits for ever; None says the time is over."""
        if self._limits.idle_seconds is None:
            return 0
        left = self._limits.idle_seconds - (time.monotonic() - self._active_at)
        return max(1, int(left * 1000)) if left > 0 else None

    async def _take(self, kind: str, data: bytes, grant: str) -> None:
        if kind == "data":
            self._active_at = time.monotonic()
            self._queue_input(data, grant)
        elif kind == "withdraw":
            self._withdrawn.add(data.decode())
        elif kind == "ack" and self._window:
            self._window.seen(int(data))
        elif kind == "resize":
            columns, rows = map(int, data.split())
            await self._process.resize(columns=columns, rows=rows)
            await self._note_size(columns, rows)

    async def _note_size(self, columns: int, rows: int) -> None:
        """For the replay. A page can ask for sizes without end, and they do not count as output."""
        self._sizes_noted += 1
        if self._sizes_noted <= NOTED_SIZES:
            await self._publisher.event("resize", columns=columns, rows=rows)

    def _queue_input(self, data: bytes, grant: str) -> None:
        # Waiting here would hold acknowledgements back too, and a process that waits for its
        # window while we wait for it to read would stand still for ever.
        if self._pending_input + len(data) <= PENDING_INPUT:
            self._pending_input += len(data)
            self._typed.put_nowait((data, grant))

    async def _type(self) -> None:
        while True:
            data, grant = await self._typed.get()
            if grant not in self._withdrawn:
                await self._note_turn(is_guest=bool(grant))
                await self._process.write(data)
            self._pending_input -= len(data)

    async def _note_turn(self, *, is_guest: bool) -> None:
        """Between what was printed it stands who typed from there on; with names elsewhere, in the database,
        where they can be erased."""
        if is_guest == self._is_guest:
            return
        self._is_guest = is_guest
        self._turns_noted += 1
        if self._turns_noted <= NOTED_TURNS:
            await self._publisher.event("turn", who="instructor" if is_guest else "student")


def _outcome_of(reading: asyncio.Task, process: Process) -> Outcome:
    error = reading.exception()
    if isinstance(error, ClusterError):
        return Outcome(RunState.FAILED, reason=str(error))
    if error:
        raise error
    return Outcome(RunState.SUCCEEDED, process.exit_code)


async def keep_beating(redis: redis.asyncio.Redis, run_id) -> None:
    """Tell the reaper, until cancelled, that this run has a living worker."""
    while True:
        try:
            await redis.set(run_beat(run_id), "1", ex=BEAT_LASTS)
        except RedisError as error:
            logger.warning("the heartbeat of run %s found no Redis: %s", run_id, error)
        await asyncio.sleep(BEAT_EVERY)
