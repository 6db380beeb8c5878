"""The relay: lets the packets of one NFQUEUE go when their time has come.

    the kernel parks a packet and tells its number -> `Schedule` says when it may go -> a verdict

Packets never leave the kernel (only their first bytes are copied, for the length). At most `PARKED` wait,
and one that finds no place is lost, as in a router. When this process ends, however it ends, what is parked
is lost and the rest passes at once: the link is a normal one again.
"""

import heapq
import os
import random
import select
import socket
import struct
import time

from .effects import Effects

PARKED = 4000
_SHAPING_SECONDS = 0.3  # how long a packet may wait for its turn under a rate
_LOOK_SECONDS = 2.0  # between two looks whether the pod's interface still exists
_NETLINK_NETFILTER, _QUEUE = 12, 3
_PACKET, _VERDICT, _CONFIG = 0, 1, 2
_REQUEST, _ACK = 1, 4
_DROP, _ACCEPT = 0, 1
_NO_ENOBUFS, _SOL_NETLINK = 5, 270


class Schedule:
    """When may a packet go? Pure: the clock and the dice are the caller's."""

    def __init__(self, effects: Effects, dice: random.Random):
        self._effects, self._dice, self._free_at = effects, dice, 0.0

    def release(self, now: float, length: int) -> float | None:
        """The time at which a packet of `length` bytes goes on, or None when it is lost to a full buffer."""
        leaves = now
        if self._effects.rate:
            turn = max(now, self._free_at)
            if turn - now > _SHAPING_SECONDS:
                return None
            self._free_at = leaves = turn + length * 8 / (self._effects.rate * 1000)
        if self._dice.uniform(0, 100) < self._effects.reorder:
            return leaves  # it overtakes those that wait
        spread = self._dice.uniform(-self._effects.jitter, self._effects.jitter)
        return leaves + (self._effects.delay + spread) / 1000


def run(queue: int, interface: str, effects: Effects, ready: int) -> None:
    """Runs until the interface is gone. Writes a line to the descriptor `ready` once it holds the queue."""
    schedule, waiting = Schedule(effects, random.Random()), []
    with open_queue(queue) as kernel:
        os.write(ready, b"ready\n")
        os.close(ready)
        looked = time.monotonic()
        while True:
            due = waiting[0][0] - time.monotonic() if waiting else _LOOK_SECONDS
            if due > 0 and select.select([kernel], [], [], due)[0]:
                _park(kernel, queue, schedule, waiting)
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                kernel.send(verdict(queue, heapq.heappop(waiting)[1], _ACCEPT))
            if now - looked > _LOOK_SECONDS:
                looked = now
                if not exists(interface):
                    return


def exists(interface: str) -> bool:
    try:
        return bool(socket.if_nametoindex(interface))
    except OSError:
        return False


def _park(kernel: socket.socket, queue: int, schedule: Schedule, waiting: list) -> None:
    now = time.monotonic()
    for number, length in packets(kernel.recv(65536)):
        when = schedule.release(now, length)
        if when is None:
            kernel.send(verdict(queue, number, _DROP))
        else:
            heapq.heappush(waiting, (when, number))


def open_queue(queue: int) -> socket.socket:
    """A socket that is told of the queue's packets. Raises OSError, as when another process has the queue."""
    kernel = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
    kernel.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    # A burst that the socket cannot hold is lost like any packet; it must not end the relay.
    kernel.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
    bind = struct.pack(">BxH", 1, socket.AF_INET)
    copy_headers = struct.pack(">IB", 20, 2)
    for attribute in ((1, bind), (2, copy_headers), (3, struct.pack(">I", PARKED))):
        kernel.send(_message(_CONFIG, _REQUEST | _ACK, queue, *attribute))
        (error,) = struct.unpack_from("=i", kernel.recv(4096), 16)
        if error:
            kernel.close()
            raise OSError(-error, f"queue {queue}: {os.strerror(-error)}")
    return kernel


def verdict(queue: int, number: int, what: int) -> bytes:
    return _message(_VERDICT, _REQUEST, queue, 2, struct.pack(">II", what, number))


def _message(kind: int, flags: int, queue: int, attribute: int, value: bytes) -> bytes:
    body = struct.pack(">BBH", socket.AF_UNSPEC, 0, queue)
    body += struct.pack("=HH", 4 + len(value), attribute) + value + b"\0" * (-len(value) % 4)
    return struct.pack("=IHHII", 16 + len(body), _QUEUE << 8 | kind, flags, 0, 0) + body


def packets(data: bytes):
    """(number, length in bytes) of each packet that the kernel tells of."""
    start = 0
    while start + 20 <= len(data):
        size, kind = struct.unpack_from("=IH", data, start)
        if kind == _QUEUE << 8 | _PACKET:
            found = dict(_attributes(data[start + 20 : start + size]))
            (number,) = struct.unpack_from(">I", found[1])
            header = found.get(10, b"")
            yield number, struct.unpack_from(">H", header, 2)[0] if len(header) >= 4 else 0
        start += size + -size % 4


def _attributes(data: bytes):
    start = 0
    while start + 4 <= len(data):
        size, kind = struct.unpack_from("=HH", data, start)
        yield kind & 0x3FFF, data[start + 4 : start + size]
        start += size + -size % 4
