"""Answers ARP requests for addresses that no interface has: one packet socket on a node's eth0."""

import asyncio
import socket
import struct
from ipaddress import IPv4Address

from netlab.node import netns

_ETHERTYPE = 0x0806
_FRAME = struct.Struct("!6s6sHHHBBH6s4s6s4s")
_IPV4_OVER_ETHERNET = (1, 0x0800, 6, 4)
_REQUEST, _REPLY = 1, 2
_BROADCAST = b"\xff" * 6


class Responder:
    """Open it on the server's loop; `close` ends it."""

    def __init__(self, node: str, interface: str = "eth0"):
        self.addresses: set[str] = set()
        self._socket = netns.inside(node, lambda: _packet_socket(interface))
        self._mac: bytes = self._socket.getsockname()[4]
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    def announce(self, address: str) -> None:
        """Gratuitous ARP, as request and as reply: who knew another node for it learns of this one."""
        packed = IPv4Address(address).packed
        for operation in (_REQUEST, _REPLY):
            self._socket.send(frame(operation, self._mac, packed, _BROADCAST, packed))

    def _read(self) -> None:
        answer = reply(self._socket.recv(2048), self._mac, self.addresses)
        if answer:
            self._socket.send(answer)


def _packet_socket(interface: str) -> socket.socket:
    made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(_ETHERTYPE))
    made.bind((interface, _ETHERTYPE))
    return made


def frame(operation: int, mac: bytes, address: bytes, to_mac: bytes, to_address: bytes) -> bytes:
    heads = (to_mac, mac, _ETHERTYPE, *_IPV4_OVER_ETHERNET, operation)
    return _FRAME.pack(*heads, mac, address, to_mac, to_address)


def reply(request: bytes, mac: bytes, addresses: set[str]) -> bytes | None:
    """The answer to a frame; None where it is no request for one of the addresses."""
    if len(request) < _FRAME.size:
        return None
    _, _, ethertype, *kind, operation, asker, source, _, wanted = _FRAME.unpack_from(request)
    is_request = (ethertype, *kind, operation) == (_ETHERTYPE, *_IPV4_OVER_ETHERNET, _REQUEST)
    if not is_request or str(IPv4Address(wanted)) not in addresses:
        return None
    return frame(_REPLY, mac, wanted, asker, source)
