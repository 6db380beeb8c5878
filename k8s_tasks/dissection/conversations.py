"""What the two ends of a stream said to each other, in order."""

import re
from dataclasses import dataclass
from itertools import groupby

from k8s_tasks.dissection.plain import plain, plain_bytes
from k8s_tasks.dissection.tshark import Ask, told

KINDS = ("tcp", "udp", "http")
LIMIT = 400_000  # characters of tshark's answer: two for each byte said
_NODE = re.compile(r"^Node ([01]): (.*)$")
_SAID = re.compile(r"^(\t?)((?:[0-9a-f]{2})+)$")


@dataclass(frozen=True)
class Said:
    """A turn of one end; the first end is who spoke first in the capture."""

    by_first: bool
    text: str
    size: int


@dataclass(frozen=True)
class Conversation:
    """`ends` are addresses with ports; one that `is_cut` went on."""

    kind: str
    stream: int
    ends: tuple[str, str]
    turns: tuple[Said, ...]
    is_cut: bool


def follow(ask: Ask, kind: str, stream: int) -> Conversation:
    """Raises DissectionError."""
    arguments = ["-q", "-z", f"follow,{kind},raw,{stream}"]
    text, is_cut = told(ask, arguments, limit=LIMIT, may_be_cut=True)
    lines = text.splitlines()
    named = dict(match.groups() for line in lines if (match := _NODE.match(line)))
    said = [match.groups() for line in lines if (match := _SAID.match(line))]
    turns = [
        _turn(not tab, [piece for _tab, piece in pieces])
        for tab, pieces in groupby(said, lambda each: each[0])
    ]
    ends = (plain(named.get("0", "")), plain(named.get("1", "")))
    return Conversation(kind, stream, ends, tuple(turns), is_cut)


def _turn(by_first: bool, pieces: list[str]) -> Said:
    data = bytes.fromhex("".join(pieces))
    return Said(by_first, plain_bytes(data), len(data))
