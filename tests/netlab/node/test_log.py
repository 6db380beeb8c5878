import asyncio

from netlab.node import log
from netlab.node.log import STDERR, STDOUT, Log, Options


async def text(source: Log, **options) -> str:
    return b"".join([piece async for piece in log.read(source, Options(**options))]).decode()


def filled(*pieces: bytes) -> Log:
    source = Log()
    for piece in pieces:
        source.append(STDOUT, piece)
    return source


async def test_a_log_is_what_was_written():
    assert await text(filled(b"one\n", b"two\n")) == "one\ntwo\n"


async def test_the_tail_counts_lines_over_pieces():
    assert await text(filled(b"a\nb", b"b\nc\n", b"d\n"), tail=3) == "bb\nc\nd\n"


async def test_a_tail_of_nothing_is_empty():
    assert await text(filled(b"a\n"), tail=0) == ""


async def test_a_limit_cuts_by_bytes():
    assert await text(filled(b"abcdef", b"gh"), limit=7) == "abcdefg"


async def test_timestamps_stand_before_each_line_and_not_in_its_middle():
    source = filled(b"one\ntw", b"o\n")
    source.append(STDERR, b"err\n")
    lines = (await text(source, timestamps=True)).splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == ["one", "two", "err"]
    assert lines[0].split(" ")[0].endswith("Z")


async def test_following_ends_with_the_container():
    source = filled(b"early\n")
    reader = asyncio.create_task(text(source, follow=True))
    await asyncio.sleep(0)
    source.append(STDOUT, b"late\n")
    source.end()
    assert await reader == "early\nlate\n"


async def test_following_with_a_tail_begins_there():
    source = filled(b"1\n", b"2\n", b"3\n")
    source.end()
    assert await text(source, follow=True, tail=1) == "3\n"


async def test_memory_is_bounded_and_the_newest_stays():
    source = Log()
    for number in range(200):
        source.append(STDOUT, b"%06d\n" % number * 10_000)
    assert sum(len(piece.data) for piece in source.pieces()) <= log.LIMIT
    assert source.pieces()[-1].data.startswith(b"000199")
