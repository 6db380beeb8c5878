"""An open socket ends soon after the right to it, and one person opens only so many."""

import json
from functools import partial

import pytest
from channels.db import database_sync_to_async

from k8s_tasks.redis_keys import run_output
from portal.sockets import presence

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setattr(presence, "RECHECK_SECONDS", 0.05)


@pytest.fixture
def two_browsers(world, visit):
    return visit(world.alice), visit(world.alice)


async def opened(socket):
    assert await socket.connect()
    return socket


def deactivate(world, who: str):
    person = getattr(world, who)
    person.is_active = False
    person.save()


def leave_class(world):
    world.classroom.students.remove(world.alice)


async def test_a_logout_ends_the_sockets_of_that_browser_alone(world, two_browsers, dial_from):
    here, there = two_browsers
    path = f"/ws/runs/{world.run.pk}/"
    left, stays = await opened(dial_from(here, path)), await opened(dial_from(there, path))

    await database_sync_to_async(here.post)("/logout/")

    assert await left.closing_code() == 4001
    assert await stays.receive_nothing(timeout=0.2)
    await stays.disconnect()


@pytest.mark.parametrize(
    ("who", "act"),
    [
        ("alice", partial(deactivate, who="alice")),
        ("paula", partial(deactivate, who="paula")),
        ("paula", leave_class),
    ],
)
async def test_who_may_no_longer_see_it_is_turned_out(world, dial, who, act):
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", getattr(world, who)))

    await database_sync_to_async(act)(world)

    assert await socket.closing_code() == 4001
    again = await opened(dial(f"/ws/runs/{world.run.pk}/", getattr(world, who)))
    assert await again.closing_code() == 4404


async def test_a_student_who_leaves_a_class_keeps_their_own(world, dial):
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.alice))

    await database_sync_to_async(leave_class)(world)

    assert await socket.receive_nothing(timeout=0.3)
    await socket.disconnect()


async def test_a_terminal_of_a_person_who_left_takes_no_keys(world, dial, redis_client):
    socket = await opened(dial(f"/ws/terminals/{world.terminal.pk}/", world.alice))
    await database_sync_to_async(deactivate)(world, "alice")
    assert await socket.closing_code() == 4001

    await socket.send(b"\0rm -rf /\r")
    await socket.disconnect()

    assert not redis_client.exists(f"run:{world.terminal.pk}:in")


async def test_a_check_that_breaks_bars_nobody(world, dial, monkeypatch, caplog, redis_client):
    broke = []

    def busy(sockets):
        broke.append(sockets)
        raise RuntimeError("database is locked")

    monkeypatch.setattr(presence, "_barred", busy)
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.alice))
    assert await socket.receive_nothing(timeout=0.3)

    redis_client.xadd(run_output(world.run.pk), {"ms": 1, "src": "end", "data": b"{}"})

    assert json.loads(await socket.receive())[0]["src"] == "end"
    assert broke and "database is locked" in caplog.text


async def test_one_person_opens_only_so_many(world, dial, monkeypatch):
    monkeypatch.setattr(presence, "SOCKETS_PER_PERSON", 2)
    path = f"/ws/runs/{world.run.pk}/"
    first, second = [await opened(dial(path, world.alice)) for _ in range(2)]

    third, others = await opened(dial(path, world.alice)), await opened(dial(path, world.paula))
    assert await third.closing_code() == 4429
    assert await others.receive_nothing(timeout=0.05)

    await first.disconnect()
    again = await opened(dial(path, world.alice))
    assert await again.receive_nothing(timeout=0.05)
    for socket in (second, again, others):
        await socket.disconnect()


async def test_nothing_is_kept_of_those_who_left(world, dial):
    socket = await opened(dial(f"/ws/runs/{world.run.pk}/", world.alice))
    await socket.disconnect()

    assert not presence.presence.sockets
