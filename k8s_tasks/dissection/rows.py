"""The list of packets, as Wireshark's first pane shows it."""

from dataclasses import dataclass

from django.db import models
from django.utils.translation import gettext_lazy as _

from k8s_tasks.dissection.plain import plain
from k8s_tasks.dissection.tshark import Ask, checked_filter, parsed, told

LIMIT = 24_000_000  # bytes of tshark's answer; 20,000 ordinary packets take 8
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
FLAGS = {
    _SYN: "SYN",
    _FIN: "FIN",
    _RST: "RST",
    0x08: "PSH",
    _ACK: "ACK",
    0x20: "URG",
    0x40: "ECE",
    0x80: "CWR",
}


class Mark(models.TextChoices):
    """What is remarkable about a packet; `symbol` says it without colour."""

    RETRANSMISSION = "retransmission", _("retransmission: sent again")
    OUT_OF_ORDER = "out-of-order", _("out of order")
    LOST_BEFORE = "lost-before", _("a segment before it was not captured")
    DUPLICATE_ACK = "duplicate-ack", _("duplicate ACK: something is missing")
    ZERO_WINDOW = "zero-window", _("zero window: the receiver is full")
    KEEP_ALIVE = "keep-alive", _("keep-alive")
    RESET = "reset", _("reset: the connection is refused or broken off")
    UNREACHABLE = "unreachable", _("ICMP: not delivered")
    OPENS = "opens", _("opens a connection")
    CLOSES = "closes", _("closes its side")
    MALFORMED = "malformed", _("malformed")

    @property
    def symbol(self) -> str:
        return _SYMBOLS[self]


_SYMBOLS = {
    Mark.RETRANSMISSION: "↻",
    Mark.OUT_OF_ORDER: "⇅",
    Mark.LOST_BEFORE: "…",
    Mark.DUPLICATE_ACK: "≡",
    Mark.ZERO_WINDOW: "0",
    Mark.KEEP_ALIVE: "♥",
    Mark.RESET: "✕",
    Mark.UNREACHABLE: "⊘",
    Mark.OPENS: "→",
    Mark.CLOSES: "⇥",
    Mark.MALFORMED: "!",
}
_ANALYSED = {
    "tcp.analysis.retransmission": Mark.RETRANSMISSION,
    "tcp.analysis.out_of_order": Mark.OUT_OF_ORDER,
    "tcp.analysis.lost_segment": Mark.LOST_BEFORE,
    "tcp.analysis.duplicate_ack": Mark.DUPLICATE_ACK,
    "tcp.analysis.zero_window": Mark.ZERO_WINDOW,
    "tcp.analysis.keep_alive": Mark.KEEP_ALIVE,
    "_ws.malformed": Mark.MALFORMED,
}
_COLUMNS = {
    "number": "%m",
    "time": "%t",
    "source": "%s",
    "target": "%d",
    "protocol": "%p",
    "length": "%L",
    "info": "%i",
}
_NUMBERS = ("tcp.srcport", "tcp.dstport", "tcp.seq", "tcp.ack", "tcp.len")
_FIELDS = ("tcp.stream", "udp.stream", "tcp.flags", *_NUMBERS, "icmp.type", *_ANALYSED)
_UNDELIVERED = ("3", "11")


@dataclass(frozen=True)
class Segment:
    """TCP's own numbers, counted from the beginning of the connection where that was captured."""

    stream: int
    source_port: int
    target_port: int
    seq: int
    ack: int
    length: int
    flags: int

    @property
    def flag_names(self) -> str:
        return ", ".join(name for bit, name in FLAGS.items() if self.flags & bit)


@dataclass(frozen=True)
class Row:
    """`stream` is its conversation: tcp.0, udp.3, or nothing."""

    number: int
    time: str
    source: str
    target: str
    protocol: str
    length: int
    info: str
    stream: str
    marks: tuple[Mark, ...]
    segment: Segment | None = None

    @property
    def ink(self) -> str:
        """The protocol whose colour it has."""
        name = self.protocol.casefold()
        if name.startswith(("icmp", "arp")):
            return name.removesuffix("v6")
        return self.stream.partition(".")[0]


def list_rows(ask: Ask, display_filter: str = "") -> tuple[Row, ...]:
    """The packets that a display filter lets through. Raises DissectionError, FilterRefused."""
    words = checked_filter(display_filter)
    arguments = ["-t", "r", "-T", "psml", "-o", f"gui.column.format:{_column_format()}"]
    text, _cut = told(ask, [*arguments, *(["-Y", words] if words else [])], limit=LIMIT)
    return tuple(_row([section.text or "" for section in packet]) for packet in parsed(text).iter("packet"))


def _column_format() -> str:
    columns = [*_COLUMNS.items(), *((field, f"%Cus:{field}:1") for field in _FIELDS)]
    return ",".join(f'"{name}","{form}"' for name, form in columns)


def _row(sections: list[str]) -> Row:
    cells = dict(zip((*_COLUMNS, *_FIELDS), sections, strict=False))
    transport = next((name for name in ("tcp", "udp") if cells.get(f"{name}.stream")), "")
    segment = _segment(cells) if transport == "tcp" else None
    return Row(
        number=_number(cells.get("number", "")),
        time=cells.get("time", ""),
        source=plain(cells.get("source", "")),
        target=plain(cells.get("target", "")),
        protocol=plain(cells.get("protocol", "")),
        length=_number(cells.get("length", "")),
        info=plain(cells.get("info", "")).replace("\n", " "),
        stream=f"{transport}.{_number(cells[f'{transport}.stream'])}" if transport else "",
        marks=_marks(cells, segment),
        segment=segment,
    )


def _segment(cells: dict[str, str]) -> Segment | None:
    """None for the piece of a segment that an ICMP message quotes."""
    if not cells["tcp.flags"]:
        return None
    source_port, target_port, seq, ack, length = (_number(cells[field]) for field in _NUMBERS)
    return Segment(
        _number(cells["tcp.stream"]), source_port, target_port, seq, ack, length, _number(cells["tcp.flags"])
    )


def _marks(cells: dict[str, str], segment: Segment | None) -> tuple[Mark, ...]:
    marks = [mark for field, mark in _ANALYSED.items() if cells.get(field)]
    if cells.get("protocol") == "ICMP" and cells.get("icmp.type") in _UNDELIVERED:
        marks.append(Mark.UNREACHABLE)
    if segment and segment.flags & _RST:
        marks.append(Mark.RESET)
    elif segment and segment.flags & _SYN and not segment.flags & _ACK:
        marks.append(Mark.OPENS)
    elif segment and segment.flags & _FIN:
        marks.append(Mark.CLOSES)
    return tuple(marks)


def _number(text: str) -> int:
    """Decimal, or hexadecimal as tshark writes flags; 0 where there is none."""
    try:
        return int(text, 0)
    except ValueError:
        return 0
