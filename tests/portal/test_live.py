"""The portal as `make run` starts it, on a real cluster: nothing here is stood in for."""

import asyncio
import json
import re
import time

import pytest

from tests.portal.live import Person, Sitting, Terminal

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def aluna(stack) -> Person:
    return Person(stack.url, stack.accounts["student"])


@pytest.fixture(scope="module")
def prof(stack) -> Person:
    return Person(stack.url, stack.accounts["instructor"])


@pytest.fixture
async def sitting(aluna) -> Sitting:
    """A session of the lab, ended afterwards."""
    sitting = await aluna.begin()
    yield sitting
    aluna.post(sitting.door("end"))


def conditions(verdicts: str) -> dict[str, str]:
    """Condition titles do not matter here: states in the order of the page."""
    return re.findall(r'data-verdict="([\w-]+)"', verdicts)


def test_the_panel_names_the_workers_that_answer(stack):
    page = Person(stack.url, stack.accounts["admin"]).pages.get("/admin/").text
    assert "streams@local" in page and "verify@local" in page


async def test_the_lab_from_its_start_to_the_last_verdict(sitting, aluna, prof):
    assert b"10.244." in await aluna.output(sitting.run("addresses"))
    assert aluna.post(sitting.door("steps/ping-across/run"), htmx=True).status_code == 409
    assert sitting.predict("predict-ttl", "62").status_code == 200
    capture, listener = sitting.run("capture"), sitting.run("listen")
    await asyncio.gather(
        aluna.output(capture, until=b"listening on eth0"), aluna.output(listener, until=b"Listening")
    )

    across = sitting.run("ping-across")
    assert b"ttl=62" in await aluna.output(across, until=b"icmp_seq=2")
    aluna.post(f"/runs/{across}/cancel/", htmx=True)
    assert (await aluna.end_of(across))["state"] == "cancelled"
    await aluna.output(sitting.run("send"))
    assert b"redes-" in await aluna.output(listener, until=b"redes-")
    assert b"Flags [S.]" in await aluna.output(capture, until=b"Flags [S.]")
    sitting.answer("answer-ttl", "62")

    assert conditions(await sitting.verify()) == ["pass"] * 5
    grid = prof.pages.get("/classes/1/?lab=ping-and-netcat").text
    assert grid.count("/runs/") == 5
    assert "ICMP echo request" in prof.pages.get(f"/runs/{capture}/cast/").text


async def test_the_page_turns_green_without_a_click(aluna):
    sitting = await aluna.begin(again="1")
    try:
        sitting.predict("predict-ttl", "62")
        across = sitting.run("ping-across")
        await aluna.output(across, until=b"icmp_seq=2")
        aluna.post(f"/runs/{across}/cancel/", htmx=True)
        await sitting.notice("verdicts")
        assert conditions(aluna.pages.get(sitting.door("verdicts")).text)[:2] == ["pass", "pass"]
    finally:
        aluna.post(sitting.door("end"))


async def test_two_windows_and_one_that_lost_its_socket_see_the_same_lines(sitting, aluna):
    run = sitting.run("ping-near")

    async def whole() -> list[tuple]:
        return [(each["id"], each["data"]) async for each in aluna.entries(run)]

    async def in_pieces() -> list[tuple]:
        seen, last = [], "0"
        while not seen or b'"state"' not in seen[-1][1]:
            async for each in aluna.entries(run, last):
                seen.append((each["id"], each["data"]))
                last = each["id"]
                break
        return seen

    first, second, broken = await asyncio.wait_for(asyncio.gather(whole(), whole(), in_pieces()), 30)

    assert first == second == broken
    assert b"".join(data for _, data in first).count(b"icmp_seq=") == 4


async def test_control_c_is_answered_under_a_flood(sitting, aluna):
    run = sitting.open_terminal("ana")
    async with aluna.connect(f"/ws/terminals/{run}/") as socket:
        terminal = Terminal(socket)
        await terminal.until(b"# ")
        await terminal.type(b"stty size\r")
        await terminal.until(b"30 100")
        await terminal.type(b"yes\r")
        while terminal.painted < 1_000_000:
            await terminal.paint()

        pressed = time.monotonic()
        await terminal.type(b"\x03")
        await terminal.until(b"^C")
        waited = time.monotonic() - pressed

        await terminal.type(b"exit\r")
    assert waited < 1
    assert (await aluna.end_of(run))["state"] == "succeeded"


async def test_a_terminal_goes_on_after_a_lost_socket(sitting, aluna):
    run = sitting.open_terminal("beto")
    async with aluna.connect(f"/ws/terminals/{run}/") as socket:
        terminal = Terminal(socket)
        await terminal.until(b"# ")
        await terminal.type(b"kept=here; clear\r")
        await terminal.until(b"# ")

    async with aluna.connect(f"/ws/terminals/{run}/?last={terminal.last}") as socket:
        terminal = Terminal(socket)
        await terminal.type(b"echo still-$kept\r")
        await terminal.until(b"still-here")
        await terminal.type(b"exit\r")


@pytest.fixture
async def fresh(aluna) -> Sitting:
    """A session of a new attempt, ended afterwards."""
    sitting = await aluna.begin(again="1")
    yield sitting
    aluna.post(sitting.door("end"))


async def test_an_instructor_types_in_the_terminal_for_as_long_as_the_student_lends_it(fresh, aluna, prof):
    def change(act: str) -> None:
        assert aluna.post(fresh.door("hand/change"), htmx=True, act=act).status_code == 200

    aluna.post(fresh.door("hand/raise"), text="Why no reply?", watch="on")
    run = fresh.open_terminal("ana")
    async with (
        aluna.connect(f"/ws/terminals/{run}/") as own,
        prof.connect(f"/ws/watched/{run}/") as watched,
    ):
        student, teacher = Terminal(own), Terminal(watched, is_guest=True)
        await student.until(b"# ")
        await teacher.told(mayType=False)
        await teacher.type(b"echo never\r")
        await teacher.told(isRefused=True)

        change("lend")
        await teacher.told(mayType=True)
        await teacher.type(b"echo one-$((40+2))\r")
        assert b"never" not in await student.until(b"one-42")
        await teacher.until(b"one-42")

        change("take-back")
        await teacher.type(b"echo after\r")
        await teacher.told(mayType=False, isRefused=True)
        await student.type(b"echo two-$((40+2)); exit\r")
        assert b"after" not in await student.until(b"two-42")
    await aluna.end_of(run)
    await fresh.verify()

    header = json.loads(prof.pages.get(f"/runs/{run}/cast/").text.splitlines()[0])
    assert header["shared"] is True
    attempt = re.search(r"/attempts/([0-9a-f-]{36})/evidence/", aluna.pages.get("/my-labs/").text)[1]
    results = aluna.pages.get(f"/attempts/{attempt}/evidence/").json()["results"]
    assert results and all(each["statement"]["helped_since"] for each in results)
