"""What is kept of a run, and that a pod's tricks are not."""

import json

import pytest
from asgiref.sync import sync_to_async

from k8s_tasks.domain.runs import set_run_state, start_run
from k8s_tasks.entries import Entry
from k8s_tasks.enums import RunState
from k8s_tasks.hub import Hub
from k8s_tasks.models import Transcript
from k8s_tasks.redis_keys import run_output
from k8s_tasks.streams import follow_run
from k8s_tasks.transcripts import TextFilter, as_cast, make_cast, turns_in


def filtered(*chunks: bytes) -> str:
    keep = TextFilter()
    return "".join(keep(chunk) for chunk in chunks)


@pytest.mark.parametrize(
    "hostile",
    [
        b"\x1b]52;c;cm0gLXJm\x07",
        b"\x1b]0;a title\x1b\\",
        b"\x1bPsixel\x1b\\",
        b"\x1b_command\x1b\\",
        b"\x1b^note\x1b\\",
        "\x9d52;c;x\x9c".encode(),
    ],
)
def test_strings_a_terminal_would_act_upon_are_taken_out(hostile):
    assert filtered(b"a", hostile, b"b") == "ab"
    assert filtered(*(bytes([byte]) for byte in b"a" + hostile + b"b")) == "ab"


def test_colours_and_cursor_moves_stay():
    text = b"\x1b[1;32mana\x1b[0m\x1b[2K\r"
    assert filtered(text) == text.decode()


def test_a_string_cut_off_by_another_escape_ends_there():
    assert filtered(b"\x1b]0;title\x1b[31mred") == "\x1b[31mred"


def test_text_without_an_end_is_not_kept_in_memory_for_ever():
    keep = TextFilter()
    keep(b"\x1b]0;")
    for _ in range(100):
        keep(b"x" * 10_000)
    assert len(keep._held) < 10_000


def test_letters_cut_between_chunks_are_whole_and_broken_ones_are_shown_as_such():
    assert filtered("ção".encode()[:2], "ção".encode()[2:]) == "ção"
    assert filtered(b"\xff\xfe!") == "\ufffd\ufffd!"


@pytest.fixture
def ended(session, lab, student, redis_client, transactional_db):
    run = start_run(session, lab.step("addresses"), user=student)
    set_run_state(run, RunState.STARTING)
    redis_client.xadd(run_output(run.pk), {"src": "stdout", "ms": 5, "data": "one\ntwo\n"})
    redis_client.xadd(run_output(run.pk), {"src": "stderr", "ms": 1500, "data": "<b>\x1b]52;c;x\x07"})
    set_run_state(run, RunState.SUCCEEDED, exit_code=0)
    return run


def test_a_cast_has_a_header_and_timed_lines(ended):
    header, *lines = map(json.loads, as_cast(ended).splitlines())
    assert (header["version"], header["title"]) == (2, "addresses")
    assert (header["width"], header["height"]) == (80, 24)
    assert lines[:2] == [[0.005, "o", "one\r\ntwo\r\n"], [1.5, "o", "<b>"]]


def test_a_cast_knows_the_sizes_of_its_terminal(ended):
    def size(ms: int, columns: int, rows: int) -> Entry:
        return Entry(
            f"{ms}-0", ms, "event", json.dumps({"event": "resize", "columns": columns, "rows": rows}).encode()
        )

    cast = make_cast(ended, [size(1, 100, 30), Entry("2-0", 2, "stdout", b"$ "), size(3000, 60, 20)])

    header, *lines = map(json.loads, cast.splitlines())
    assert (header["width"], header["height"]) == (100, 30)
    assert lines == [[0.001, "r", "100x30"], [0.002, "o", "$ "], [3.0, "r", "60x20"]]


def test_the_cast_of_a_shared_terminal_says_so_and_who_typed_when(ended, student):
    turn = json.dumps({"event": "turn", "who": "instructor"}).encode()
    assert "shared" not in json.loads(make_cast(ended, []).splitlines()[0])
    ended.typings.create(person=student)

    header, *lines = map(json.loads, make_cast(ended, [Entry("1-0", 1000, "event", turn)]).splitlines())

    assert header["shared"] is True
    assert lines == [[1.0, "m", "the instructor types"]]


def test_the_turns_of_a_cast_are_its_own_marks_and_nothing_that_was_printed(ended):
    def turn(ms: int, who: str) -> Entry:
        return Entry(f"{ms}-0", ms, "event", json.dumps({"event": "turn", "who": who}).encode())

    printed = Entry("2-0", 2000, "stdout", b"the student types")
    cast = make_cast(ended, [turn(1000, "instructor"), printed, turn(3500, "student")])

    assert turns_in(cast) == [(1.0, "instructor"), (3.5, "student")]


async def test_a_run_is_replayed_after_its_stream_has_expired(ended, redis_client):
    redis_client.delete(run_output(ended.pk))
    (entries,) = [page async for page in follow_run(ended.pk)]
    assert [entry.source for entry in entries] == ["event", "stdout", "stdout", "end"]
    assert json.loads(entries[0].data) == {"event": "replayed"}
    assert json.loads(entries[-1].data)["state"] == "succeeded"


async def test_a_live_stream_is_followed_to_its_end(ended):
    pages = [page async for page in follow_run(ended.pk)]
    assert [entry.source for page in pages for entry in page] == ["stdout", "stderr", "end"]


async def test_a_page_that_returns_gets_only_what_it_has_not_seen(ended):
    (everything,) = [page async for page in follow_run(ended.pk)]
    (rest,) = [page async for page in follow_run(ended.pk, everything[0].id)]
    assert rest == everything[1:]


async def test_a_run_that_ends_while_its_viewer_asks_is_shown_whole(ended, redis_client, monkeypatch):
    """Its stream was not there when first asked, and its transcript is not there yet."""
    held = []

    async def holds(hub, key):
        held.append(bool(redis_client.exists(key)))
        return len(held) > 1 and held[-1]

    monkeypatch.setattr(Hub, "holds", holds)
    await sync_to_async(Transcript.objects.all().delete)()
    entries = [entry async for page in follow_run(ended.pk) for entry in page]
    assert b"".join(entry.data for entry in entries if entry.source == "stdout") != b""
