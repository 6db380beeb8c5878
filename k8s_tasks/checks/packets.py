"""Packets from a capture file: IPv4 with ICMP, TCP or UDP in it, as far as checks look.

What a pod sends is anybody's bytes: a packet that cannot be read is left out, never an error. The
headers are read here and not by a library, because a student's flood fills a capture with 80,000
packets, and a verdict must not wait for objects of all their fields.
"""

import socket
import struct
from collections.abc import Iterator
from typing import NamedTuple

_ORDERS = {b"\xd4\xc3\xb2\xa1": ("<", 1e-6), b"\xa1\xb2\xc3\xd4": (">", 1e-6)}
_ORDERS |= {b"\x4d\x3c\xb2\xa1": ("<", 1e-9), b"\xa1\xb2\x3c\x4d": (">", 1e-9)}
# Of each link type: where the protocol stands, and how long the header is.
_LINKS = {1: (12, 14), 113: (14, 16), 276: (0, 20)}  # Ethernet, LINUX_SLL, LINUX_SLL2
_ETHERNET = 14
_IPV4 = b"\x08\x00"
_DF, _MF = 0x4000, 0x2000
_ICMP, _TCP, _UDP = 1, 6, 17
_ECHO_REPLY, _UNREACHABLE, _ECHO_REQUEST = 0, 3, 8
_FIN, _SYN, _RST, _ACK = 0x01, 0x02, 0x04, 0x10
_IP = struct.Struct(">BxHxxHBBxx4s4s")
_ECHO = struct.Struct(">BxxxHH")
_SEGMENT = struct.Struct(">HHIIBBH")
_END, _NOTHING, _SCALE = 0, 1, 3  # kinds of options in a SYN
_OPTIONS_AT, _LARGEST_SCALE = 20, 14
_DATAGRAM = struct.Struct(">HHHxx")


class Echo(NamedTuple):
    at: float
    source: str
    target: str
    ttl: int
    is_reply: bool
    id: int
    seq: int
    payload: bytes
    size: int = 0  # of the IP packet, in bytes
    keeps_whole: bool = False  # DF: no router may cut it
    is_piece: bool = False  # the first of several fragments


class Segment(NamedTuple):
    """`payload` is what the capture kept of the `length` bytes that were sent."""

    at: float
    source: str
    target: str
    ttl: int
    source_port: int
    target_port: int
    seq: int
    ack: int
    is_syn: bool
    is_ack: bool
    is_rst: bool
    is_fin: bool
    length: int
    payload: bytes
    window: int = 0  # as it stands in the header
    scale: int = 0  # of a SYN: by how many bits the later windows of its sender are shifted


class Datagram(NamedTuple):
    at: float
    source: str
    target: str
    ttl: int
    source_port: int
    target_port: int
    payload: bytes
    macs: tuple[str, str] = ("", "")  # of the frame's sender and receiver, on an Ethernet link


class Unreachable(NamedTuple):
    """ICMP's word that a packet went nowhere: `code` 3 is a port without a listener, 4 a packet that
    was too large. `about` is who sent the packet, where to, and its first eight bytes."""

    at: float
    source: str
    target: str
    ttl: int
    code: int
    mtu: int
    about: tuple[str, str, int, int]


Packet = Echo | Segment | Datagram | Unreachable


def read_packets(pcap: bytes) -> list[Packet]:
    """Raises ValueError when the bytes are no capture file of a link we know."""
    if len(pcap) < 24 or pcap[:4] not in _ORDERS:
        raise ValueError("not a capture file")
    order, unit = _ORDERS[pcap[:4]]
    (link,) = struct.unpack_from(f"{order}I", pcap, 20)
    if link not in _LINKS:
        raise ValueError(f"a capture of link type {link}")
    frames = _frames(pcap, struct.Struct(f"{order}IIII"), unit)
    return [packet for at, frame in frames if (packet := _packet(frame, at, *_LINKS[link]))]


def _frames(pcap: bytes, record: struct.Struct, unit: float) -> Iterator[tuple[float, bytes]]:
    """Up to the first record that is not whole: tcpdump may be writing it."""
    place = 24
    while place + record.size <= len(pcap):
        seconds, fraction, kept, _sent = record.unpack_from(pcap, place)
        place += record.size + kept
        if place > len(pcap):
            return
        yield seconds + fraction * unit, pcap[place - kept : place]


def _packet(frame: bytes, at: float, protocol_at: int, header: int) -> Packet | None:
    if frame[protocol_at : protocol_at + 2] != _IPV4:
        return None
    try:
        version, length, fragment, ttl, protocol, source, target = _IP.unpack_from(frame, header)
        if fragment & 0x1FFF:  # not the first fragment: there are no ports in it
            return None
        options = (version & 0x0F) * 4
        # The frame may be padded, and the capture may have cut it.
        data = frame[header + options : header + length]
        addresses = at, socket.inet_ntoa(source), socket.inet_ntoa(target), ttl
        read = _READERS.get(protocol)
        packet = read(data, addresses, length - options) if read else None
        if isinstance(packet, Datagram) and header == _ETHERNET:
            return packet._replace(macs=(frame[6:12].hex(":"), frame[:6].hex(":")))
        if isinstance(packet, Echo):
            return packet._replace(
                size=length, keeps_whole=bool(fragment & _DF), is_piece=bool(fragment & _MF)
            )
        return packet
    except struct.error:
        return None


def _icmp(data: bytes, addresses: tuple, _size: int) -> Echo | Unreachable | None:
    kind, id, seq = _ECHO.unpack_from(data)
    if kind == _UNREACHABLE:
        return _unreachable(data, addresses, seq)
    if kind not in (_ECHO_REPLY, _ECHO_REQUEST):
        return None
    return Echo(*addresses, kind == _ECHO_REPLY, id, seq, data[_ECHO.size :])


def _unreachable(data: bytes, addresses: tuple, mtu: int) -> Unreachable:
    version, _length, _fragment, _ttl, _protocol, source, target = _IP.unpack_from(data, _ECHO.size)
    ports = struct.unpack_from(">HH", data, _ECHO.size + (version & 0x0F) * 4)
    about = socket.inet_ntoa(source), socket.inet_ntoa(target), *ports
    return Unreachable(*addresses, data[1], mtu, about)


def _segment(data: bytes, addresses: tuple, size: int) -> Segment:
    source_port, target_port, seq, ack, offset, flags, window = _SEGMENT.unpack_from(data)
    header = (offset >> 4) * 4
    payload = data[header:]
    told = (bool(flags & flag) for flag in (_SYN, _ACK, _RST, _FIN))
    scale = _scale_in(data[_OPTIONS_AT:header]) if flags & _SYN else 0
    ports = source_port, target_port
    return Segment(*addresses, *ports, seq, ack, *told, size - header, payload, window, scale)


def _scale_in(options: bytes) -> int:
    """0 where there is none, or the options make no sense."""
    place = 0
    while place + 2 < len(options) and options[place] != _END:
        if options[place] == _SCALE:
            return min(options[place + 2], _LARGEST_SCALE)
        place += 1 if options[place] == _NOTHING else max(2, options[place + 1])
    return 0


def _datagram(data: bytes, addresses: tuple, _size: int) -> Datagram:
    source_port, target_port, _length = _DATAGRAM.unpack_from(data)
    return Datagram(*addresses, source_port, target_port, data[_DATAGRAM.size :])


_READERS = {_ICMP: _icmp, _TCP: _segment, _UDP: _datagram}
