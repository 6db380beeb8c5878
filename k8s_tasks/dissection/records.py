"""The capture file: how many whole packets it has, and the bytes of one.

The file comes from tcpdump on a node, which may be in the middle of a packet, or from a student's pod, where
it may be anything. So no length in it is believed before the bytes are seen to be there.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAX_BYTES = 4_000_000
MAX_PACKETS = 20_000
_HEADER = 24
_LONGEST = 262_144  # of one packet, as tcpdump itself has it
_ORDERS = {
    b"\xd4\xc3\xb2\xa1": "<",
    b"\xa1\xb2\xc3\xd4": ">",
    b"\x4d\x3c\xb2\xa1": "<",
    b"\xa1\xb2\x3c\x4d": ">",
}


class NoCapture(ValueError):
    """The bytes are no capture file."""


@dataclass(frozen=True)
class Packets:
    """A capture of whole packets only; one that `is_cut` had more."""

    pcap: bytes
    count: int
    is_cut: bool = False


def whole_packets(file: bytes) -> Packets:
    """As many as there are within the limits. Raises NoCapture."""
    count, end = 0, _HEADER
    for _start, stop in _places(file[:MAX_BYTES]):
        count, end = count + 1, stop
        if count == MAX_PACKETS:
            break
    return Packets(file[:end], count, end < len(file))


def frame_of(pcap: bytes, number: int) -> bytes:
    """The bytes of a packet, counted from 1. Raises IndexError."""
    for place, (start, stop) in enumerate(_places(pcap), 1):
        if place == number:
            return pcap[start:stop]
    raise IndexError(number)


def _places(file: bytes) -> Iterator[tuple[int, int]]:
    """Where each packet's bytes begin and end, up to the first that is not whole."""
    if len(file) < _HEADER or file[:4] not in _ORDERS:
        raise NoCapture
    record = struct.Struct(_ORDERS[file[:4]] + "8xII")
    place = _HEADER
    while place + record.size <= len(file):
        kept, _sent = record.unpack_from(file, place)
        start = place + record.size
        place = start + kept
        if kept > _LONGEST or place > len(file):
            return
        yield start, place
