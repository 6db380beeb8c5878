"""Connections that hold little of what nobody has read yet; terminals run over them.

What lies between the pod and the reader when somebody presses Ctrl-C is still shown before the
answer. Left alone that is megabytes: the kernel's receive buffer grows with the flood, and aiohttp
queues half a megabyte of messages.
"""

import asyncio
import socket

import aiohttp

HELD = 32 * 1024  # in each of: the kernel (it takes it twice), TLS, aiohttp's queue


def short_socket(address: tuple) -> socket.socket:
    """A socket not yet connected: set later, the buffer would be smaller than the window already
    offered to the server, and what overflows comes again only when a timer has run out."""
    family, kind, protocol, _name, _address = address
    made = socket.socket(family, kind, protocol)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, HELD)
    return made


class ShortWebSocket(aiohttp.ClientWebSocketResponse):
    def __init__(self, reader, writer, *args, **options):
        # There is no option for the queue's length. Nothing is in it yet; it stops at twice this.
        reader.__init__(writer.protocol, HELD // 2, loop=asyncio.get_running_loop())
        if hasattr(writer.transport, "set_read_buffer_limits"):  # TLS; plain sockets hold nothing
            writer.transport.set_read_buffer_limits(high=HELD)
        super().__init__(reader, writer, *args, **options)
