"""Recorded output, as asciicast v2: its events, a shorter one, and the text of it for those who only read."""

import json
import re

# Control sequences: colours and cursor moves (CSI), strings for the terminal (OSC, DCS ...), single ones.
_SEQUENCE = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[ -/]*[0-~]|\x1b"
)
_NEW_LINE = re.compile(r"\r+\n?")
# Other control characters, and those that turn the reading direction around, become a sign.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
TENTHS = 1  # decimals of a second: finer times would make every new recording differ in every line

Event = tuple[float, str]  # seconds since the start, and what was printed then


def read_events(cast: str) -> list[Event]:
    """What was printed, in order. Raises ValueError for a text that is no asciicast of version 2."""
    head, *lines = [json.loads(line) for line in cast.splitlines() if line.strip()] or [None]
    if not isinstance(head, dict) or head.get("version") != 2:
        raise ValueError("this is no asciicast of version 2")
    return [(at, data) for at, kind, data in lines if kind == "o"]


def write_cast(events: list[Event], *, title: str) -> str:
    """An asciicast without the date and with round times, so that two of the same run differ little."""
    head = {"version": 2, "width": 80, "height": 24, "title": title}
    return "".join(_line(line) for line in (head, *([at, "o", data] for at, data in _round(events))))


def shorten(events: list[Event], *, most: int) -> tuple[list[Event], int]:
    """The beginning of the output that takes at most so many bytes in a cast, up to a whole line, and
    how many bytes of output are left out."""
    kept: list[Event] = []
    events = _round(events)
    for number, (at, data) in enumerate(events):
        size = len(_line([at, "o", data]).encode())
        if size > most:
            rest = [data, *(later for _, later in events[number + 1 :])]
            start = _whole_lines(data, most)
            kept += [(at, start)] if start else []
            return kept, len("".join(rest).encode()) - len(start.encode())
        most -= size
        kept.append((at, data))
    return kept, 0


def plain_text(events: list[Event]) -> str:
    """What one reads: no control sequences, ends of lines as `\\n`, other control characters as signs."""
    text = _SEQUENCE.sub("", "".join(data for _, data in events))
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _NEW_LINE.sub("\n", text))


def _line(value) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _round(events: list[Event]) -> list[Event]:
    """What was printed in the same tenth of a second comes together."""
    together: list[Event] = []
    for at, data in ((round(at, TENTHS), data) for at, data in events):
        if together and together[-1][0] == at:
            together[-1] = (at, together[-1][1] + data)
        else:
            together.append((at, data))
    return together


def _whole_lines(text: str, most: int) -> str:
    """The whole lines of a text at its beginning that take at most so many bytes once they are written."""
    kept = ""
    for line in text.splitlines(keepends=True):
        if len(_line([0.0, "o", kept + line]).encode()) + 8 > most:
            break
        kept += line
    return kept
