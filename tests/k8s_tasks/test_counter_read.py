"""A play reads a counter that runs on only when it stands still, as a student does."""

import asyncio
from types import SimpleNamespace

from curriculum.specs import Act
from k8s_tasks import plays
from k8s_tasks.entries import Entry
from k8s_tasks.plays import Player

READS = Act(do="answer", step="answer", of="count", reads=r"udp ([1-9]\d*)", rests=True)


def read(monkeypatch, *lines: str) -> list[str]:
    """What is read off a run that prints these lines, one after another, and then runs on in silence."""

    async def follow_run(run):
        for line in lines:
            yield [Entry("1-0", 0, "stdout", line.encode())]
        await asyncio.Event().wait()

    monkeypatch.setattr(plays, "follow_run", follow_run)
    monkeypatch.setattr(plays, "STILL_SECONDS", 0.05)
    player = Player(None, None, None, {})
    player.runs["count"], player.shown["count"] = SimpleNamespace(pk=1), "udp 0\n"
    return asyncio.run(player._read(READS))


def test_the_last_figure_counts(monkeypatch):
    assert read(monkeypatch, "udp 0\n", "udp 20\n", "udp 25\n") == ["25"]


def test_a_figure_that_is_printed_in_two_pieces_is_read_whole(monkeypatch):
    assert read(monkeypatch, "udp 0\nudp 2", "5\n") == ["25"]
