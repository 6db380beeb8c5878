"""Sockets bring every entry once and in order, and take nothing but what a page sends."""

import asyncio
import base64
import json
import struct

import pytest

from k8s_tasks.redis_keys import run_input, run_output, session_events
from k8s_tasks.streams import StreamLost
from portal.sockets import runs
from portal.sockets.origin import is_ours
from portal.sockets.runs import RunConsumer

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def say(redis_client):
    """`say(run, "stdout", b"...")` appends an entry to the run's stream and returns its id."""

    def append(run, source: str, data: bytes, id: str = "*") -> str:
        fields = {"ms": 10, "src": source, "data": data}
        return redis_client.xadd(run_output(run.pk), fields, id=id).decode()

    return append


async def opened(socket):
    assert await socket.connect()
    return socket


async def heard(socket) -> list[dict]:
    """Everything until the socket is closed, as one list; the last is its closing code."""
    entries = []
    while (output := await socket.receive_output(timeout=5))["type"] == "websocket.send":
        entries += json.loads(output["text"])
    return [*((each["id"], base64.b64decode(each["data"])) for each in entries), output["code"]]


async def test_a_viewer_gets_every_entry_once_and_the_end(world, dial, say):
    ids = [say(world.run, "stdout", line) for line in (b"one\n", b"two\xff\n")]
    end = say(world.run, "end", b"{}")

    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.alice))

    assert await heard(socket) == [(ids[0], b"one\n"), (ids[1], b"two\xff\n"), (end, b"{}"), 1000]


async def test_a_viewer_who_returns_goes_on_after_the_last_entry_seen(world, dial, say):
    seen = say(world.run, "stdout", b"one\n")
    rest = [say(world.run, "stdout", b"two\n"), say(world.run, "end", b"{}")]

    socket = await opened(dial(f"/ws/runs/{world.run.pk}/?last={seen}", world.alice))

    assert await heard(socket) == [(rest[0], b"two\n"), (rest[1], b"{}"), 1000]


@pytest.mark.parametrize("last", ["x", "1-2-3", "%24", "9" * 40])
async def test_an_odd_last_id_means_from_the_start(world, dial, say, last):
    id = say(world.run, "end", b"{}")

    socket = await opened(dial(f"/ws/runs/{world.run.pk}/?last={last}", world.alice))

    assert await heard(socket) == [(id, b"{}"), 1000]


async def test_what_is_said_later_arrives_too(world, dial, say):
    first = say(world.run, "stdout", b"one\n")
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.paula))
    assert json.loads(await socket.receive())[0]["id"] == first

    end = say(world.run, "end", b"{}")

    assert await heard(socket) == [(end, b"{}"), 1000]


async def test_a_reader_that_dies_closes_the_socket(world, dial, monkeypatch, caplog):
    async def lost(run_id, last_id):
        yield []
        raise StreamLost("Redis is gone")

    monkeypatch.setattr(runs, "follow_run", lost)
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.alice))

    assert await heard(socket) == [1011]
    assert "Redis is gone" in caplog.text


async def test_the_reader_ends_when_the_browser_leaves(world, dial, monkeypatch):
    left = asyncio.Event()

    async def endless(run_id, last_id):
        try:
            yield []
            await asyncio.Event().wait()
        finally:
            left.set()

    monkeypatch.setattr(runs, "follow_run", endless)
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.alice))

    await socket.disconnect()

    await asyncio.wait_for(left.wait(), 5)


async def test_a_slow_viewer_is_waited_for(monkeypatch):
    """No more is read from the stream than the browser takes."""
    read, took_three, never = [], asyncio.Event(), asyncio.Event()

    async def flood(run_id, last_id):
        for number in range(100):
            read.append(number)
            yield [runs.Entry(f"{number}-0", 0, "stdout", b"x")]

    async def take_three(text_data):
        if len(read) > 3:
            took_three.set()
            await never.wait()

    monkeypatch.setattr(runs, "follow_run", flood)
    consumer = RunConsumer()
    consumer.subject_id, consumer.send = "some-run", take_three
    following = asyncio.create_task(consumer.follow("0"))
    await asyncio.wait_for(took_three.wait(), 5)

    assert read == [0, 1, 2, 3]
    following.cancel()


def test_a_long_replay_comes_in_portions():
    entries = [runs.Entry(f"{number}-0", 0, "stdout", b"x" * 32_768) for number in range(9)]

    assert [len(portion) for portion in runs.in_portions(entries)] == [4, 4, 1]


async def test_a_terminal_brings_binary_frames(world, dial, say):
    say(world.terminal, "stdout", b"\x1b[1mana\xff", id="5-7")
    say(world.terminal, "event", b"{}", id="6-0")
    say(world.terminal, "end", b'{"reason": "idle"}', id="7-0")

    socket = await opened(dial(f"/ws/terminals/{world.terminal.pk}/", world.alice))

    assert await socket.receive() == struct.pack(">QQB", 5, 7, 1) + b"\x1b[1mana\xff"
    assert await socket.receive() == struct.pack(">QQB", 6, 0, 2) + b"{}"
    assert await socket.receive() == struct.pack(">QQB", 7, 0, 3) + b'{"reason": "idle"}'
    assert await socket.closing_code() == 1000


async def test_a_terminal_passes_on_keys_sizes_and_acknowledgements(world, dial, redis_client):
    socket = await opened(dial(f"/ws/terminals/{world.terminal.pk}/", world.alice))

    await socket.send(b"\0ls\r\x03")
    await socket.send('{"resize": [132, 43]}')
    await socket.send('{"ack": 50000}')

    sent = [await next_input(redis_client, world.terminal, count) for count in (1, 2, 3)]
    assert sent == [(b"data", b"ls\r\x03"), (b"resize", b"132 43"), (b"ack", b"50000")]
    await socket.disconnect()


async def test_a_terminal_that_comes_back_owes_no_acknowledgement(world, dial, redis_client):
    socket = await opened(dial(f"/ws/terminals/{world.terminal.pk}/?last=5-7", world.alice))

    assert await next_input(redis_client, world.terminal, 1) == (b"ack", b"%d" % 2**32)
    await socket.disconnect()


async def next_input(redis_client, run, count: int) -> tuple[bytes, bytes]:
    """The count-th message on its way to the pod; waits for it."""
    entries, last = [], "0"
    while len(entries) < count:
        key = run_input(run.pk)
        ((_key, more),) = await asyncio.to_thread(redis_client.xread, {key: last}, block=5000)
        entries += more
        last = more[-1][0]
    return entries[count - 1][1][b"kind"], entries[count - 1][1][b"data"]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\1keys",
        b"\0" + b"x" * 65_536,
        "not json",
        '{"ack": 1' + " " * 1000 + "}",
        '{"ack": -1}',
        '{"ack": true}',
        '{"resize": [0, 10]}',
        '{"resize": [80, 1e9]}',
        '{"run": "rm"}',
    ],
)
async def test_a_terminal_takes_nothing_else(world, dial, redis_client, message):
    socket = await opened(dial(f"/ws/terminals/{world.terminal.pk}/", world.alice))

    await socket.send(message)

    assert await socket.closing_code() == 4400
    assert not redis_client.exists(run_input(world.terminal.pk))


async def test_a_refused_socket_takes_no_keys(world, dial, redis_client):
    socket = await opened(dial(f"/ws/terminals/{world.terminal.pk}/", world.bob))
    await socket.send(b"\0rm -rf /\r")

    assert await socket.closing_code() == 4404
    await socket.disconnect()
    assert not redis_client.exists(run_input(world.terminal.pk))


async def test_the_terminal_socket_is_for_terminals(world, dial):
    socket = await opened(dial(f"/ws/terminals/{world.run.pk}/", world.alice))

    assert await socket.closing_code() == 4404


async def test_a_session_brings_its_notices_from_the_last_one_seen(world, dial, redis_client):
    seen, newer = (
        redis_client.xadd(session_events(world.session.pk), {"kind": kind, "data": '{"run": "1"}'}).decode()
        for kind in ("session", "verdicts")
    )

    socket = await opened(dial(f"/ws/sessions/{world.session.pk}/?last={seen}", world.alice))

    notice = json.loads(await socket.receive())
    assert notice == {"id": newer, "kind": "verdicts", "data": {"run": "1"}}
    await socket.disconnect()


@pytest.mark.parametrize("path", ["/ws/", "/ws/runs/", "/ws/runs/1/", "/elsewhere/"])
async def test_an_unknown_address_is_closed_as_a_foreign_one(world, dial, path):
    socket = await opened(dial(path, world.alice))

    assert await socket.closing_code() == 4404


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("testserver", "http://evil.example"),
        ("testserver", ""),
        ("testserver", "null"),
        ("testserver", "http://testserver:8001"),
        ("testserver", "http://testserver.evil.example"),
        ("evil.example", "http://evil.example"),
        ("", "http://testserver"),
    ],
)
async def test_a_page_of_another_site_opens_no_socket(world, dial, host, origin):
    socket = dial(f"/ws/runs/{world.run.pk}/", world.alice, host=host, origin=origin)

    assert not await socket.connect()


def test_a_trusted_origin_behind_a_proxy_is_ours(settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://redes.example"]

    assert is_ours(host="web:8000", origin="https://redes.example")
    assert not is_ours(host="web:8000", origin="http://redes.example")
