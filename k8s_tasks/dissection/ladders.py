"""One TCP connection as arrows between two ends, time running down: numbers as they are counted from its
beginning, what was sent again marked."""

from collections.abc import Iterable
from dataclasses import dataclass

from k8s_tasks.dissection.rows import Mark, Row, Segment

MOST_STEPS = 60
RISE = 34  # units of the drawing from one arrow to the next
TOP = 56


@dataclass(frozen=True)
class Step:
    """`y` is its height in the drawing, which is 400 units wide."""

    number: int
    time: str
    from_left: bool
    segment: Segment
    marks: tuple[Mark, ...]
    y: int

    @property
    def is_again(self) -> bool:
        return Mark.RETRANSMISSION in self.marks

    @property
    def is_reset(self) -> bool:
        return Mark.RESET in self.marks

    @property
    def lower(self) -> int:
        return self.y + 12

    @property
    def label_y(self) -> int:
        return self.y - 5


@dataclass(frozen=True)
class Ladder:
    """The left end is who opened the connection, or spoke first; `left_out` steps follow."""

    stream: int
    left: str
    right: str
    steps: tuple[Step, ...]
    left_out: int

    @property
    def height(self) -> int:
        return TOP + RISE * len(self.steps) + 12


def ladder_of(rows: Iterable[Row], stream: int) -> Ladder | None:
    """None where the capture has no such connection."""
    own = [row for row in rows if row.segment and row.segment.stream == stream]
    if not own:
        return None
    first = next((row for row in own if Mark.OPENS in row.marks), own[0])
    left, right = _ends(first)
    steps = [_step(row, left, place) for place, row in enumerate(own[:MOST_STEPS])]
    return Ladder(stream, left, right, tuple(steps), max(0, len(own) - MOST_STEPS))


def _ends(row: Row) -> tuple[str, str]:
    assert row.segment
    return f"{row.source}:{row.segment.source_port}", f"{row.target}:{row.segment.target_port}"


def _step(row: Row, left: str, place: int) -> Step:
    assert row.segment
    return Step(row.number, row.time, _ends(row)[0] == left, row.segment, row.marks, TOP + RISE * place)
