"""Packets from a capture file: IPv4 with ICMP or TCP in it, as far as checks look.

What a pod sends is anybody's bytes: a packet that cannot be read is left out, never an error.
"""

import io
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import dpkt

_UNREADABLE = (dpkt.UnpackError, dpkt.NeedData, struct.error, IndexError, ValueError, AttributeError)
_LINKS = {
    dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet,
    dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL,
    dpkt.pcap.DLT_LINUX_SLL2: dpkt.sll2.SLL2,
}
ECHO_REPLY, ECHO_REQUEST = 0, 8


@dataclass(frozen=True)
class Packet:
    at: float
    source: str
    target: str
    ttl: int


@dataclass(frozen=True)
class Echo(Packet):
    is_reply: bool
    id: int
    seq: int
    payload: bytes


@dataclass(frozen=True)
class Segment(Packet):
    source_port: int
    target_port: int
    seq: int
    ack: int
    is_syn: bool
    is_ack: bool
    length: int  # of the payload as sent; `payload` may have been cut by the capture
    payload: bytes


def read_packets(pcap: bytes) -> list[Packet]:
    """Raises ValueError when the bytes are no capture file of a link we know."""
    try:
        reader = dpkt.pcap.Reader(io.BytesIO(pcap))
    except _UNREADABLE as error:
        raise ValueError(f"not a capture file: {error}") from error
    link = _LINKS.get(reader.datalink())
    if link is None:
        raise ValueError(f"a capture of link type {reader.datalink()}")
    return [packet for at, frame in _frames(reader) if (packet := _packet(link, at, frame))]


def _frames(reader) -> Iterator[tuple[float, bytes]]:
    """Up to the first record that is not whole: tcpdump may be writing it."""
    try:
        yield from reader
    except _UNREADABLE:
        return


def _packet(link, at: float, frame: bytes) -> Packet | None:
    try:
        ip = link(frame).data
        if not isinstance(ip, dpkt.ip.IP) or ip.offset:
            return None
        facts = {"at": at, "source": _address(ip.src), "target": _address(ip.dst), "ttl": ip.ttl}
        if isinstance(ip.data, dpkt.icmp.ICMP):
            return _echo(ip.data, facts)
        if isinstance(ip.data, dpkt.tcp.TCP):
            return _segment(ip, ip.data, facts)
    except _UNREADABLE:
        pass
    return None


def _echo(icmp: dpkt.icmp.ICMP, facts: dict) -> Echo | None:
    if icmp.type not in (ECHO_REPLY, ECHO_REQUEST):
        return None
    echo = icmp.data
    return Echo(**facts, is_reply=icmp.type == ECHO_REPLY, id=echo.id, seq=echo.seq, payload=bytes(echo.data))


def _segment(ip: dpkt.ip.IP, tcp: dpkt.tcp.TCP, facts: dict) -> Segment:
    return Segment(
        **facts,
        source_port=tcp.sport,
        target_port=tcp.dport,
        seq=tcp.seq,
        ack=tcp.ack,
        is_syn=bool(tcp.flags & dpkt.tcp.TH_SYN),
        is_ack=bool(tcp.flags & dpkt.tcp.TH_ACK),
        length=max(0, ip.len - ip.hl * 4 - tcp.off * 4),
        payload=bytes(tcp.data),
    )


def _address(packed: bytes) -> str:
    return socket.inet_ntoa(packed)
