"""Ask another name server, over UDP or TCP."""

import asyncio
import secrets
import struct

import dns.exception
import dns.message

_SECONDS = 2.0


class NoAnswer(Exception):
    """The server gave none; the message is worded as Go's, because that is what CoreDNS' log shows."""


async def ask(message: dns.message.Message, server: tuple[str, int], *, tcp: bool) -> dns.message.Message:
    """Its answer, under the id of `message`. Raises NoAnswer."""
    own = secrets.randbelow(1 << 16)  # what an off-path attacker would have to guess
    wire = struct.pack("!H", own) + message.to_wire()[2:]
    try:
        async with asyncio.timeout(_SECONDS):
            answer = await (_over_tcp if tcp else _over_udp)(wire, server)
    except TimeoutError:
        raise NoAnswer(f"read {'tcp' if tcp else 'udp'} ->{_text(server)}: i/o timeout") from None
    try:
        return dns.message.from_wire(message.to_wire()[:2] + answer[2:], ignore_trailing=True)
    except dns.exception.DNSException as error:
        raise NoAnswer(f"{_text(server)}: {error}") from None


def _text(address: tuple) -> str:
    return f"{address[0]}:{address[1]}"


class _Exchange(asyncio.DatagramProtocol):
    def __init__(self, id_: bytes):
        self._id = id_
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, _) -> None:
        if data[:2] == self._id and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


async def _over_udp(wire: bytes, server: tuple[str, int]) -> bytes:
    loop = asyncio.get_running_loop()
    transport, exchange = await loop.create_datagram_endpoint(lambda: _Exchange(wire[:2]), remote_addr=server)
    own = transport.get_extra_info("sockname")
    try:
        transport.sendto(wire)
        return await exchange.answer
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NoAnswer(f"read udp {_text(own)}->{_text(server)}: read: {reason}") from None
    finally:
        transport.close()


async def _over_tcp(wire: bytes, server: tuple[str, int]) -> bytes:
    try:
        reader, writer = await asyncio.open_connection(*server)
        try:
            writer.write(struct.pack("!H", len(wire)) + wire)
            (size,) = struct.unpack("!H", await reader.readexactly(2))
            return await reader.readexactly(size)
        finally:
            writer.close()
    except (OSError, asyncio.IncompleteReadError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise NoAnswer(f"dial tcp {_text(server)}: connect: {reason}") from None
