"""One run from start to end: its output in Redis, and all the ways it may end."""

import asyncio
import json
import uuid

import pytest

from k8s_tasks import drive
from k8s_tasks.cluster.execs import start_process
from k8s_tasks.drive import Drive, Limits, Outcome, Window
from k8s_tasks.entries import read_entries
from k8s_tasks.enums import RunState
from k8s_tasks.pump import CappedPublisher, RollingPublisher
from k8s_tasks.redis_keys import make_async_redis, run_input, run_output
from tests.exec_server import exec_server

pytestmark = pytest.mark.usefixtures("redis_client")
OVER = Outcome(RunState.TIMED_OUT, reason="over")
IDLE = Outcome(RunState.TIMED_OUT, reason="idle")


@pytest.fixture
async def redis():
    client = make_async_redis()
    yield client
    await client.aclose()


@pytest.fixture
async def pods(tmp_path):
    async with exec_server(tmp_path) as (api, server):
        yield api, server


class Driven:
    """A run of a shell script in a "pod" whose kill is what `redes-kill` would be."""

    def __init__(self, redis, publisher=CappedPublisher, *, cap=100_000, limits=None, window=None):
        self.id = uuid.uuid4()
        self.redis = redis
        self.publisher = publisher(redis, self.id, tick=0.02, began=0, cap=cap)
        self.limits = limits or Limits(10, OVER)
        self.window = window
        self.kills = 0

    async def run(self, api, script: str) -> Outcome:
        await self.begin(api, script)
        return await self.drive.run(self.redis)

    async def begin(self, api, script: str) -> None:
        tty = self.window is not None
        self.process = await start_process(api, "ns", "ana", ["sh", "-c", script], stdin=True, tty=tty)
        self.drive = Drive(
            self.id, self.process, self.publisher, self.limits, end_process=self.end, window=self.window
        )

    async def end(self):
        self.kills += 1
        await self.process.write(b"stop\n")

    async def send(self, kind, data):
        await self.redis.xadd(run_input(self.id), {"kind": kind, "data": data})

    def printed(self, source="stdout") -> bytes:
        return b"".join(entry.data for entry in read_entries(self.id) if entry.source == source)

    def events(self) -> list[dict]:
        return [json.loads(entry.data) for entry in read_entries(self.id) if entry.source == "event"]


async def test_output_comes_in_order_with_the_exit_code(redis, pods):
    driven = Driven(redis)
    outcome = await driven.run(pods[0], "seq 1 2000; echo oops >&2; exit 3")
    assert outcome == Outcome(RunState.SUCCEEDED, 3)
    assert driven.printed() == b"".join(b"%d\n" % number for number in range(1, 2001))
    assert driven.printed("stderr") == b"oops\n"


async def test_a_flood_is_batched(redis, pods):
    driven = Driven(redis, cap=2_000_000)
    await driven.run(pods[0], "head -c 1000000 /dev/zero")
    entries = read_entries(driven.id)
    assert sum(len(entry.data) for entry in entries) == 1_000_000
    assert len(entries) < 80
    assert max(len(entry.data) for entry in entries) <= 32 * 1024


async def test_past_the_cap_the_stream_says_how_much_was_left_out(redis, pods):
    driven = Driven(redis, cap=1000)
    outcome = await driven.run(pods[0], "head -c 5000 /dev/zero")
    assert outcome.state == RunState.SUCCEEDED
    assert len(driven.printed()) == 1000
    assert driven.events() == [{"event": "capped", "bytes": 1000}, {"event": "truncated", "bytes": 4000}]


async def test_an_append_repeated_after_a_broken_connection_is_not_doubled(redis):
    driven = Driven(redis)
    await driven.publisher._append([("stdout", 0, bytearray(b"once"))])
    driven.publisher._next_id = lambda: read_entries(driven.id)[0].id
    await driven.publisher._append([("stdout", 0, bytearray(b"once"))])
    assert driven.printed() == b"once"


async def test_a_terminal_keeps_its_newest_output(redis, pods):
    driven = Driven(redis, RollingPublisher, cap=100_000)
    await driven.run(pods[0], "head -c 500000 /dev/zero; echo last")
    assert driven.printed().endswith(b"last\n")
    assert len(driven.printed()) <= 100_000


async def test_cancel_kills_the_process_and_ends_the_run(redis, pods):
    driven = Driven(redis)
    running = asyncio.create_task(driven.run(pods[0], "echo here; read line; echo ended"))
    await _first_entry(redis, driven)
    await driven.send("cancel", "enough")
    assert await running == Outcome(RunState.CANCELLED, reason="enough")
    assert (driven.kills, driven.printed()) == (1, b"here\nended\n")


async def test_a_cancel_that_came_before_the_worker_is_obeyed(redis, pods):
    driven = Driven(redis)
    await driven.send("cancel", "too late")
    assert (await driven.run(pods[0], "read line")).state == RunState.CANCELLED


async def test_the_clock_ends_a_run_as_its_limits_say(redis, pods):
    driven = Driven(redis, limits=Limits(0.1, OVER))
    assert await driven.run(pods[0], "read line") == OVER
    assert driven.kills == 1


async def test_a_terminal_nobody_uses_is_closed(redis, pods):
    driven = Driven(redis, limits=Limits(10, OVER, idle_seconds=0.1, when_idle=IDLE))
    assert await driven.run(pods[0], "read line") == IDLE


async def test_keys_reach_the_process(redis, pods):
    driven = Driven(redis)
    running = asyncio.create_task(driven.run(pods[0], 'read line; echo "got $line"'))
    await driven.send("data", b"ping\n")
    await running
    assert driven.printed() == b"got ping\n"


async def test_an_unseen_terminal_holds_the_process_back_until_its_page_catches_up(redis, pods):
    api, server = pods
    driven = Driven(redis, RollingPublisher, cap=90_000_000, window=Window())
    running = asyncio.create_task(driven.run(api, "head -c 40000000 /dev/zero"))
    assert await server.standstill() < 500_000
    await driven.send("ack", b"50000000")
    while not running.done():
        await driven.send("ack", b"400000")
        await asyncio.wait({running}, timeout=0.01)
    assert len(driven.printed()) == 40_000_000


async def test_a_page_may_acknowledge_before_the_append_has_returned(redis, pods):
    window = Window(limit=20_000)  # less than one message

    class SeenAtOnce(RollingPublisher):
        async def appended(self, sizes):
            window.seen(sum(size for _id, size in sizes))
            await super().appended(sizes)

    driven = Driven(redis, SeenAtOnce, cap=9_000_000, window=window)
    async with asyncio.timeout(5):
        await driven.run(pods[0], "head -c 3000000 /dev/zero")
    assert len(driven.printed()) == 3_000_000


async def test_ctrl_c_passes_a_flood_that_nobody_has_seen(redis, pods):
    driven = Driven(redis, RollingPublisher, cap=1_000_000, window=Window())
    running = asyncio.create_task(driven.run(pods[0], "yes & read line; kill $!"))
    await pods[1].standstill()
    await driven.send("cancel", "stop")
    async with asyncio.timeout(5):
        assert (await running).state == RunState.CANCELLED


async def test_a_terminals_sizes_are_kept_for_its_replay(redis, pods, monkeypatch):
    monkeypatch.setattr(drive, "NOTED_SIZES", 2)
    driven = Driven(redis, RollingPublisher, cap=1_000_000, window=Window())
    for size in ("100 30", "60 20", "61 20"):
        await driven.send("resize", size)
    await driven.send("data", b"done\n")

    await driven.run(pods[0], "read line")

    assert driven.events() == [
        {"event": "resize", "columns": 100, "rows": 30},
        {"event": "resize", "columns": 60, "rows": 20},
    ]


def typed_by_guest(driven, text: bytes, grant: str):
    fields = {"kind": "data", "data": text, "grant": grant}
    return driven.redis.xadd(run_input(driven.id), fields)


async def test_whose_turn_it_was_stands_between_what_was_printed(redis, pods):
    driven = Driven(redis)
    running = asyncio.create_task(driven.run(pods[0], "read one; echo $one; read two; echo $two"))
    await typed_by_guest(driven, b"theirs\n", "7/now")
    await _first_entry(redis, driven)
    await driven.send("data", b"mine\n")
    await running
    assert driven.printed() == b"theirs\nmine\n"
    assert driven.events() == [{"event": "turn", "who": who} for who in ("instructor", "student")]


async def test_keys_of_a_withdrawn_grant_go_nowhere_even_those_that_come_late(redis, pods):
    driven = Driven(redis)
    await driven.send("withdraw", "7/before")
    await typed_by_guest(driven, b"rm -rf /\n", "7/before")
    await typed_by_guest(driven, b"still ", "7/after")
    await driven.send("data", b"mine\n")
    await driven.run(pods[0], 'read line; echo "got $line"')
    assert driven.printed() == b"got still mine\n"


async def test_keys_the_process_has_not_read_yet_are_dropped_with_their_grant(redis, pods):
    """The first key is being written, the others wait for it: the withdrawal overtakes them."""
    driven = Driven(redis)
    writing, go_on, written = asyncio.Event(), asyncio.Event(), []

    async def slowly(data):
        written.append(data)
        writing.set()
        await go_on.wait()
        await write(data)

    await typed_by_guest(driven, b"a", "7/x")
    await driven.begin(pods[0], "read line; echo done")
    write, driven.process.write = driven.process.write, slowly
    running = asyncio.create_task(driven.drive.run(redis))
    await asyncio.wait_for(writing.wait(), 5)
    await typed_by_guest(driven, b"b", "7/x")
    await driven.send("withdraw", "7/x")
    await driven.send("data", b"\n")
    await driven.send("resize", "60 20")  # the answer to it tells that all before it was read
    await asyncio.wait_for(resized(driven), 5)
    go_on.set()
    await asyncio.wait_for(running, 10)
    assert written == [b"a", b"\n"]


async def resized(driven) -> None:
    last = "0"
    while True:
        ((_key, entries),) = await driven.redis.xread({run_output(driven.id): last}, block=5000)
        if any(b'"resize"' in fields[b"data"] for _id, fields in entries):
            return
        last = entries[-1][0]


async def _first_entry(redis, driven):
    await redis.xread({f"run:{driven.id}:out": "0"}, block=5000)
