import asyncio
import contextlib
import os

from netlab.node.log import Log
from netlab.node.streams import Attachment, ExecProcess, MainStreams


class Pipes:
    """A process played by the test: it writes and ends when it is told to."""

    def __init__(self, *, stdin: bool = False):
        self.ended = asyncio.get_running_loop().create_future()
        self.out_r, self.out = os.pipe()
        self.err_r, self.err = os.pipe()
        self.stdin, self.stdin_w = os.pipe() if stdin else (None, None)

    def process(self) -> ExecProcess:
        return ExecProcess(self.ended, stdin=self.stdin_w, stdout=self.out_r, stderr=self.err_r, tty=False)

    def main_streams(self) -> MainStreams:
        return MainStreams(
            Log(), stdin=self.stdin_w, stdout=self.out_r, stderr=self.err_r, tty=False, stdin_once=True
        )

    def end(self, code: int = 0) -> None:
        os.close(self.out)
        os.close(self.err)
        self.ended.set_result(code)


async def everything(process) -> list[tuple[int, bytes]]:
    pieces = []
    while piece := await process.read():
        pieces.append(piece)
    return pieces


async def test_output_keeps_its_channel_and_ends_with_none():
    pipes = Pipes()
    process = pipes.process()
    os.write(pipes.out, b"good")
    os.write(pipes.err, b"bad")
    pipes.end(3)
    assert await everything(process) == [(1, b"good"), (2, b"bad")]
    assert await process.wait() == 3


async def test_stdout_and_stderr_come_in_the_order_of_their_writing():
    pipes = Pipes()
    process = pipes.process()
    told = []
    for word in (b"Connection received", b"hello", b"refused", b"again"):
        os.write(pipes.out if word == b"hello" else pipes.err, word)
        if word == b"hello":  # two are waiting: the one written first is the one read first
            told += [await process.read(), await process.read()]
    told.append(await process.read())
    assert told == [(2, b"Connection received"), (1, b"hello"), (2, b"refusedagain")]
    os.write(pipes.out, b"out")
    os.write(pipes.err, b"err")
    pipes.end()
    assert await everything(process) == [(1, b"out"), (2, b"err")]


async def test_a_flood_on_one_channel_does_not_starve_the_other():
    pipes = Pipes()
    process = pipes.process()
    os.write(pipes.out, b"x" * 65536)
    os.write(pipes.err, b"help")
    assert [(await process.read())[0], (await process.read())[0]] == [1, 2]
    pipes.end()


async def test_the_log_keeps_the_order_too():
    pipes = Pipes()
    streams = pipes.main_streams()
    os.write(pipes.err, b"first ")
    os.write(pipes.out, b"second")
    pipes.end()
    await streams.finish()
    assert streams.log.tail(100) == "first second"


async def test_nothing_is_taken_from_the_process_before_it_is_asked_for():
    pipes = Pipes()
    pipes.process()
    os.set_blocking(pipes.out, False)
    taken = 0
    try:
        while taken < 10_000_000:
            taken += os.write(pipes.out, b"x" * 65536)
    except BlockingIOError:
        pass
    await asyncio.sleep(0)
    assert taken < 1_000_000
    pipes.end()


async def test_a_child_that_holds_the_output_does_not_hold_the_client():
    pipes = Pipes()
    process = pipes.process()
    os.write(pipes.out, b"last words")
    pipes.ended.set_result(0)  # both pipes stay open, as a background child keeps them
    assert await everything(process) == [(1, b"last words")]
    os.close(pipes.out)
    os.close(pipes.err)


async def test_what_a_closed_stdin_gets_is_dropped():
    pipes = Pipes(stdin=True)
    process = pipes.process()
    os.close(pipes.stdin)
    await process.write(b"nobody reads this")
    await process.write(b"nor this")
    pipes.end()


async def test_an_attached_client_sees_what_is_written_from_now_on():
    pipes = Pipes()
    streams = pipes.main_streams()
    client = Attachment(streams, pipes.ended, stdin=False)
    os.write(pipes.out, b"hello")
    assert await client.read() == (1, b"hello")
    pipes.end()
    await streams.finish()
    assert await client.read() is None
    assert streams.log.tail(100) == "hello"


async def test_a_client_that_does_not_read_holds_the_container_but_not_its_end():
    pipes = Pipes()
    streams = pipes.main_streams()
    client = Attachment(streams, pipes.ended, stdin=False)
    os.set_blocking(pipes.out, False)
    async with asyncio.timeout(5):
        while client.viewer.room.is_set():
            with contextlib.suppress(BlockingIOError):
                os.write(pipes.out, b"x" * 65536)
            await asyncio.sleep(0)
    pipes.end()
    async with asyncio.timeout(5):
        await streams.finish()


async def test_a_client_that_goes_lets_the_container_go_on():
    pipes = Pipes()
    streams = pipes.main_streams()
    client = Attachment(streams, pipes.ended, stdin=False)
    await client.release()
    os.write(pipes.out, b"alone")
    pipes.end()
    await streams.finish()
    assert streams.log.tail(100) == "alone"
