"""How long Ctrl-C takes to show in a terminal that `yes` is flooding.

The page paints as slowly as xterm.js does in a software-rendered browser; what it has not painted
it has not acknowledged, so the worker reads no further in the pod.

    .venv/bin/python tests/bench/ctrl_c.py [TIMES]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from deploy.local.stack import Stack
from tests.portal.live import Person, Terminal

PAINTED_PER_SECOND = 6_600_000
FLOOD_BYTES = 5_000_000


class SlowTerminal(Terminal):
    async def paint(self) -> bytes:
        data = await super().paint()
        await asyncio.sleep(len(data) / PAINTED_PER_SECOND)
        return data


async def interrupt(terminal: SlowTerminal) -> tuple[float, float]:
    """(milliseconds from ^C to the prompt, MB/s of the flood before)."""
    await terminal.type(b"yes\n")
    start, painted = time.perf_counter(), terminal.painted
    while terminal.painted - painted < FLOOD_BYTES:
        await terminal.paint()
    rate = (terminal.painted - painted) / (time.perf_counter() - start) / 1e6
    pressed = time.perf_counter()
    await terminal.type(b"\x03")
    await terminal.until(b"# ")
    return (time.perf_counter() - pressed) * 1000, rate


async def measure(stack: Stack, times: int) -> None:
    person = Person(stack.url, stack.accounts["student"])
    sitting = await person.begin()
    async with person.connect(f"/ws/terminals/{sitting.open_terminal('ana')}/?last=0") as socket:
        terminal = SlowTerminal(socket)
        await terminal.until(b"# ")
        waits, rates = zip(*[await interrupt(terminal) for _ in range(times)], strict=True)
    person.post(sitting.door("end"))
    print(
        f"Ctrl-C to prompt: median {statistics.median(waits):.0f} ms, longest {max(waits):.0f} ms, n={times}"
    )
    print(f"flood before it: {statistics.median(rates):.1f} MB/s")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder)) as running:
        asyncio.run(measure(running, int(sys.argv[1]) if sys.argv[1:] else 10))
