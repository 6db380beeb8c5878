"""The keyboard of a student's terminal: lent by a consent of its own, to their instructors, key by key."""

import asyncio
import json
import re

import pytest
from asgiref.sync import sync_to_async
from channels.db import database_sync_to_async
from django.utils import timezone

from curriculum.domain import store_pass
from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import LabSession, Run, SharedTyping
from k8s_tasks.redis_keys import run_input, run_output
from portal import keyboard
from portal.models import HelpDeed, HelpRequest, Role, User
from portal.sockets import presence
from tests.portal.conftest import make_run
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]
SEEN = {"en": "Seen.", "pt-br": "Visto."}


@pytest.fixture(autouse=True)
def open_terminal(world, redis_client):
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.RUNNING)


@pytest.fixture
def alice(world, visit):
    return visit(world.alice)


@pytest.fixture
def change(world, alice):
    """`change("lend")`: Alice does it on her page."""
    return lambda act: alice.post(
        f"/sessions/{world.session.pk}/hand/change/", {"act": act}, HTTP_HX_REQUEST="true"
    )


@pytest.fixture
def lent(change):
    change("allow")
    change("lend")


def may_type(world, who: str) -> bool:
    return keyboard.keyboard_told(getattr(world, who), world.terminal.pk)["mayType"]


def hand(world) -> HelpRequest:
    return HelpRequest.objects.get(pk=world.hand.pk)


def deeds(world) -> list[tuple]:
    return [(str(entry.person or "-"), entry.deed) for entry in world.hand.log.all()]


def beside_the_terminal(world, alice) -> str:
    headers = {"HX-Request": "true", "HX-Target": "keyboard"}
    page = alice.get(f"/sessions/{world.session.pk}/hand/", headers=headers)
    return re.sub(r"\s+", " ", page.content.decode())


def test_leave_to_watch_is_no_leave_to_type(world, change):
    change("lend")  # without the other consent it is none
    assert hand(world).type_given_at is None
    change("allow")
    assert not may_type(world, "paula")

    change("lend")

    assert may_type(world, "paula")
    assert deeds(world) == [("alice", HelpDeed.ALLOWED), ("alice", HelpDeed.LENT)]


def test_raising_the_hand_with_watching_lends_nothing(world, alice):
    world.hand.delete()
    alice.post(f"/sessions/{world.session.pk}/hand/raise/", {"watch": "on", "type": "on", "act": "lend"})
    assert HelpRequest.objects.get().type_given_at is None


def test_only_those_who_teach_the_student_may_type(world, lent):
    assert [who for who in world.people() if may_type(world, who)] == ["paula"]
    world.classroom.instructors.add(world.root)
    assert may_type(world, "root")


def test_without_an_open_terminal_there_is_nothing_to_lend(world, alice, change):
    Run.objects.update(state=RunState.SUCCEEDED)
    change("allow")
    assert "Let them type too" not in alice.get(f"/sessions/{world.session.pk}/hand/").content.decode()
    change("lend")
    assert hand(world).type_given_at is None


def test_another_terminal_is_not_lent(world, lent):
    other = make_run(world.session, kind="terminal", state=RunState.RUNNING)
    assert keyboard.grant_for_keys(world.paula, other.pk) is None


def test_the_first_key_is_on_record_and_its_typist_has_the_keyboard_alone(world, alice, lent):
    otto = world.otto
    world.classroom.instructors.add(otto)
    assert "Nobody has pressed a key yet" in beside_the_terminal(world, alice)

    grants = {keyboard.grant_for_keys(world.paula, world.terminal.pk) for _key in "echo"}

    assert len(grants) == 1 and None not in grants
    assert keyboard.grant_for_keys(otto, world.terminal.pk) is None
    assert keyboard.keyboard_told(otto, world.terminal.pk) == {"mayType": False, "typist": "paula"}
    assert deeds(world)[2:] == [("paula", HelpDeed.TYPED)]
    assert [each.person for each in SharedTyping.objects.all()] == [world.paula]
    assert "paula has the keyboard of your terminal in ana" in beside_the_terminal(world, alice)


def test_taken_back_and_lent_again_it_is_another_grant(world, change, lent):
    before = keyboard.grant_for_keys(world.paula, world.terminal.pk)
    change("take-back")
    assert keyboard.grant_for_keys(world.paula, world.terminal.pk) is None
    change("lend")
    assert keyboard.grant_for_keys(world.paula, world.terminal.pk) not in (None, before)
    assert deeds(world)[2:] == [
        ("paula", HelpDeed.TYPED),
        ("alice", HelpDeed.TOOK_BACK),
        ("alice", HelpDeed.LENT),
        ("paula", HelpDeed.TYPED),
    ]


def test_the_worker_is_told_to_drop_what_it_still_holds(world, change, lent, redis_client):
    grant = keyboard.grant_for_keys(world.paula, world.terminal.pk)
    change("take-back")
    ((_id, told),) = redis_client.xrange(run_input(world.terminal.pk))
    assert told == {b"kind": b"withdraw", b"data": grant.encode()}


def test_an_act_without_its_name_lowers_no_hand(world, change, lent):
    change("")
    assert hand(world).closed_at is None and may_type(world, "paula")


def test_the_instructor_gives_it_back(world, visit, lent):
    address = f"/classes/{world.classroom.pk}/hands/{world.hand.pk}/give-back/"
    assert visit(world.root).post(address).status_code == 404
    assert visit(world.paula).post(address).status_code == 302
    assert not may_type(world, "paula")
    assert deeds(world)[-1] == ("paula", HelpDeed.GAVE_BACK)
    assert visit(world.paula).post(address).status_code == 404


def end_terminal(world):
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.SUCCEEDED, ended_at=timezone.now())


def end_session(world):
    LabSession.objects.filter(pk=world.session.pk).update(state=SessionState.ENDED)


def leave_class(world):
    world.classroom.students.remove(world.alice)


def stop_teaching(world):
    world.classroom.instructors.remove(world.paula)


def archive_class(world):
    world.classroom.archived_at = timezone.now()
    world.classroom.save()


def lose_role(world):
    User.objects.filter(pk=world.paula.pk).update(role=Role.STUDENT)


@pytest.mark.parametrize(
    "end", [end_terminal, end_session, leave_class, stop_teaching, archive_class, lose_role]
)
def test_it_ends_with_what_it_hangs_on(world, alice, lent, end):
    assert keyboard.grant_for_keys(world.paula, world.terminal.pk)
    end(world)

    assert keyboard.grant_for_keys(User.objects.get(pk=world.paula.pk), world.terminal.pk) is None
    keyboard.end_what_ran_out()
    keyboard.end_what_ran_out()  # a second watcher finds nothing to do

    assert hand(world).type_given_at is None
    assert deeds(world)[-2:] == [("paula", HelpDeed.TYPED), ("-", HelpDeed.RAN_OUT)]
    assert "has the keyboard" not in beside_the_terminal(world, alice)


def test_what_still_holds_is_left_alone(world, lent):
    keyboard.end_what_ran_out()
    assert may_type(world, "paula")


@pytest.mark.parametrize("act", ["withdraw", "close"])
def test_it_ends_with_the_watching_and_with_the_hand(world, change, lent, act):
    change(act)
    assert not may_type(world, "paula") and hand(world).type_given_at is None
    assert deeds(world)[-1] == ("-", HelpDeed.RAN_OUT)


def test_the_answer_that_lowers_the_hand_ends_it(world, visit, lent):
    address = f"/classes/{world.classroom.pk}/hands/{world.hand.pk}/answer/"
    visit(world.paula).post(address, {"text": "", "close": "1"})
    assert not may_type(world, "paula")


def test_the_records_say_who_typed(world, alice, visit, lent):
    keyboard.grant_for_keys(world.paula, world.terminal.pk)
    end_terminal(world)
    store_pass(world.attempt, "icmp-reach", SEEN, {}, is_helped=True)
    paula = visit(world.paula)

    assert "paula typed here too" in alice.get(f"/runs/{world.terminal.pk}/").content.decode()
    assert "paula typed here too" in alice.get("/my-labs/").content.decode()
    assert "after an instructor had typed" in alice.get("/labs/ping-and-netcat/").content.decode()
    page = paula.get(f"/classes/{world.classroom.pk}/students/{world.alice.pk}/").content.decode()
    assert "after an instructor had typed" in page and "paula typed here too" in page


# The socket.


async def opened(dial, world, who: str):
    socket = dial(f"/ws/watched/{world.terminal.pk}/", getattr(world, who))
    assert await socket.connect()
    return socket


async def told(socket, **facts) -> dict:
    """What the page is told next of the keyboard that has these facts."""
    while not facts.items() <= (found := json.loads(await socket.receive())).items():
        pass
    return found


def passed_on(redis_client, world) -> list[tuple]:
    entries = redis_client.xrange(run_input(world.terminal.pk))
    return [(fields[b"data"], b"grant" in fields) for _id, fields in entries if fields[b"kind"] == b"data"]


def in_order(redis_client, world) -> list[bytes]:
    return [fields[b"kind"] for _id, fields in redis_client.xrange(run_input(world.terminal.pk))]


async def test_keys_pass_while_they_are_lent_and_the_next_one_after_does_not(
    world, dial, change, redis_client
):
    do = database_sync_to_async(change)
    await do("allow")
    socket = await opened(dial, world, "paula")
    await told(socket, mayType=False)
    await socket.send(b"\0a")
    await told(socket, isRefused=True)

    await do("lend")
    await told(socket, mayType=True)
    await socket.send(b"\0ec")
    await socket.send(b"\0ho")
    await told(socket, mayType=True, typist="paula")
    await asyncio.to_thread(until, lambda: len(passed_on(redis_client, world)) == 2)
    await do("take-back")
    await socket.send(b"\0 rm")
    await told(socket, mayType=False, isRefused=True)

    assert passed_on(redis_client, world) == [(b"ec", True), (b"ho", True)]
    await socket.disconnect()


async def test_a_consent_that_went_without_any_notice_counts_all_the_same(world, dial, change, redis_client):
    """Nothing that the socket has heard or kept decides."""
    do = database_sync_to_async(change)
    await do("allow")
    await do("lend")
    socket = await opened(dial, world, "paula")
    await told(socket, mayType=True)
    await database_sync_to_async(HelpRequest.objects.update)(type_given_at=None)

    await socket.send(b"\0x")

    await told(socket, isRefused=True)
    assert passed_on(redis_client, world) == []
    await socket.disconnect()


async def test_a_logout_counts_before_the_socket_is_turned_out(world, dial_from, visit, change, redis_client):
    do = database_sync_to_async(change)
    await do("allow")
    await do("lend")
    browser = await database_sync_to_async(visit)(world.paula)
    socket = dial_from(browser, f"/ws/watched/{world.terminal.pk}/")
    assert await socket.connect()
    await told(socket, mayType=True)
    await database_sync_to_async(browser.post)("/logout/")

    await socket.send(b"\0x")

    await told(socket, isRefused=True)
    assert passed_on(redis_client, world) == []
    await socket.disconnect()


@pytest.mark.parametrize("who", ["alice", "bob", "otto", None])
async def test_the_socket_is_closed_to_all_others(world, dial, change, redis_client, who):
    await database_sync_to_async(change)("allow")
    await database_sync_to_async(change)("lend")
    socket = dial(f"/ws/watched/{world.terminal.pk}/", who and getattr(world, who))
    assert await socket.connect()
    await socket.send(b"\0x")

    assert await socket.closing_code() == 4404
    await socket.disconnect()
    assert passed_on(redis_client, world) == []


async def test_an_administrator_watches_and_does_not_type(world, dial, change, redis_client):
    await database_sync_to_async(change)("allow")
    await database_sync_to_async(change)("lend")
    socket = await opened(dial, world, "root")
    await told(socket, mayType=False)

    await socket.send(b"\0x")

    await told(socket, mayType=False, isRefused=True)
    assert passed_on(redis_client, world) == []
    await socket.disconnect()


@pytest.mark.parametrize("act", ["withdraw", "close"])
async def test_who_watches_is_turned_out_at_once(world, dial, change, monkeypatch, act):
    monkeypatch.setattr(presence, "RECHECK_SECONDS", 3600)
    await database_sync_to_async(change)("allow")
    socket = await opened(dial, world, "paula")
    await told(socket, mayType=False)

    await database_sync_to_async(change)(act)

    assert await socket.closing_code() == 4001
    again = await opened(dial, world, "paula")
    assert await again.closing_code() == 4404


async def test_the_end_of_the_terminal_ends_it_all(world, dial, change, redis_client):
    await database_sync_to_async(change)("allow")
    await database_sync_to_async(change)("lend")
    socket = await opened(dial, world, "paula")
    await told(socket, mayType=True)
    await database_sync_to_async(end_terminal)(world)
    redis_client.xadd(run_output(world.terminal.pk), {"ms": 9, "src": "end", "data": b"{}"})

    while (output := await socket.receive_output(timeout=5))["type"] == "websocket.send":
        pass

    assert output["code"] == 1000
    assert await sync_to_async(deeds)(world) == [
        ("alice", HelpDeed.ALLOWED),
        ("alice", HelpDeed.LENT),
        ("-", HelpDeed.RAN_OUT),
    ]


@pytest.mark.parametrize("message", [b"", b"\1keys", b"\0" + b"x" * 4097, "{}"])
async def test_the_socket_takes_nothing_but_keys(world, dial, change, redis_client, message):
    await database_sync_to_async(change)("allow")
    await database_sync_to_async(change)("lend")
    socket = await opened(dial, world, "paula")
    await told(socket, mayType=True)

    await socket.send(message)

    while (output := await socket.receive_output(timeout=5))["type"] == "websocket.send":
        pass
    assert output["code"] == 4400
    assert passed_on(redis_client, world) == []
