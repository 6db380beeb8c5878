"""Sockets around the chains: DNS over UDP and TCP, the doors for probes, reloading, and an orderly end.

A configuration is started whole before the one in force is stopped (the sockets share their ports for that
moment), so a Corefile that cannot be served changes nothing but the log.
"""

import argparse
import asyncio
import contextlib
import hashlib
import platform
import random
import signal
import struct
import sys
from bisect import bisect_left
from collections.abc import Callable
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.version

from .builder import Builder, Chain, Configuration
from .cluster import Mirror
from .corefile import CorefileError, longest_match
from .observe import Registry, say
from .plugins import Query, ServerFailure, reply

VERSION = "0.1.0"
_TCP_IDLE_SECONDS = 10
_UDP_LEAST = 512


class Resolver:
    """Answers wire with wire, by the chain whose zone fits best."""

    def __init__(self, chains: list[Chain]):
        self._chains = {zone: chain.first for chain in chains for zone in chain.zones}

    async def respond(self, wire: bytes, client: tuple, protocol: str) -> bytes | None:
        """None for what is not worth an answer."""
        try:
            message = dns.message.from_wire(wire, ignore_trailing=True)
        except dns.exception.DNSException:
            return _malformed(wire)
        if message.flags & dns.flags.QR:
            return None
        if message.opcode() != dns.opcode.QUERY or len(message.question) != 1:
            return _bare(message, dns.rcode.NOTIMP).to_wire()
        query = Query.of(message, client=client[:2], protocol=protocol, size=len(wire))
        response = await self._answer(query)
        response.id = message.id
        return fitting(response, _limit(message, protocol))

    async def _answer(self, query: Query) -> dns.message.Message:
        zone = longest_match(query.name, list(self._chains))
        if zone is None:
            return reply(query, dns.rcode.REFUSED)
        try:
            return await self._chains[zone].answer(query)
        except ServerFailure:
            return reply(query, dns.rcode.SERVFAIL)
        except Exception as error:  # noqa: BLE001 - one bad question must not end the server
            say("ERROR", f"Recovered from panic in server: {type(error).__name__}: {error}")
            return reply(query, dns.rcode.SERVFAIL)


def _bare(message: dns.message.Message, rcode: dns.rcode.Rcode) -> dns.message.Message:
    response = dns.message.make_response(message)
    response.set_rcode(rcode)
    return response


def _malformed(wire: bytes) -> bytes | None:
    """FORMERR under the id it came with; nothing to a message too short to have one, or to an answer."""
    if len(wire) < 12 or wire[2] & 0x80:
        return None
    return wire[:2] + bytes((0x80 | wire[2] & 0x79, dns.rcode.FORMERR)) + bytes(8)


def _limit(message: dns.message.Message, protocol: str) -> int:
    return 65535 if protocol == "tcp" else max(message.payload, _UDP_LEAST)


def fitting(response: dns.message.Message, limit: int) -> bytes:
    """The message, or as many of its answers as fit with the mark that it is cut short."""
    wire = _try_wire(response, limit)
    if wire is not None:
        return wire
    response.additional = []
    wire = _try_wire(response, limit)
    if wire is not None:
        return wire
    answers, response.authority = response.answer, []
    response.flags |= dns.flags.TC

    def is_too_long(count: int) -> bool:
        response.answer = answers[:count]
        return _try_wire(response, limit) is None

    response.answer = answers[: bisect_left(range(1, len(answers) + 1), True, key=is_too_long)]
    return response.to_wire(max_size=limit)


def _try_wire(response: dns.message.Message, limit: int) -> bytes | None:
    try:
        return response.to_wire(max_size=limit)
    except dns.exception.TooBig:
        return None


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, resolver: Resolver):
        self._resolver, self._tasks = resolver, set()

    def connection_made(self, transport) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, client: tuple) -> None:
        task = asyncio.create_task(self._respond(data, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _respond(self, data: bytes, client: tuple) -> None:
        response = await self._resolver.respond(data, client, "udp")
        if response and not self._transport.is_closing():
            self._transport.sendto(response, client)


async def _serve_tcp(resolver: Resolver, reader, writer) -> None:
    try:
        while True:
            async with asyncio.timeout(_TCP_IDLE_SECONDS):
                (size,) = struct.unpack("!H", await reader.readexactly(2))
                data = await reader.readexactly(size)
            response = await resolver.respond(data, writer.get_extra_info("peername"), "tcp")
            if response:
                writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def _serve_http(answer: Callable[[str], tuple[int, str]], reader, writer) -> None:
    """One request, one answer: enough for probes and scrapers."""
    try:
        async with asyncio.timeout(_TCP_IDLE_SECONDS):
            words = (await reader.readline()).decode(errors="replace").split()
            while (await reader.readline()).strip():
                pass
        code, text = answer(words[1] if words[1:] else "/")
        reason = {200: "OK", 404: "Not Found", 503: "Service Unavailable"}[code]
        head = f"HTTP/1.1 {code} {reason}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        writer.write(f"{head}Content-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}".encode())
        await writer.drain()
    except (OSError, TimeoutError, ValueError):
        pass
    finally:
        writer.close()


class Instance:
    """One configuration, listening."""

    def __init__(self, configuration: Configuration, mirror: Mirror, registry: Registry):
        self.configuration, self._mirror, self._registry = configuration, mirror, registry
        self._closing: list = []

    async def start(self, host: str = "0.0.0.0") -> None:  # noqa: S104 - the pod's own
        """Raises OSError when a port cannot be had."""
        for port in sorted({chain.port for chain in self.configuration.chains}):
            await self._listen(host, port)
        service = self.configuration.service
        doors = (
            (service.health, "/health", lambda: (200, "OK")),
            (service.ready, "/ready", self._readiness),
            (service.metrics, "/metrics", lambda: (200, self._registry.text())),
        )
        for address, path, answer in doors:
            if address:
                await self._open_door(address, path, answer)

    async def _listen(self, host: str, port: int) -> None:
        chains = [chain for chain in self.configuration.chains if chain.port == port]
        resolver, loop = Resolver(chains), asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Udp(resolver), local_addr=(host, port), reuse_port=True
        )
        self._closing.append(transport)
        server = await asyncio.start_server(
            lambda r, w: _serve_tcp(resolver, r, w), host, port, reuse_port=True
        )
        self._closing.append(server)
        for chain in chains:
            print("\n".join(f"{zone}:{port}" for zone in chain.zones), flush=True)

    async def _open_door(self, address: tuple[str, int], path: str, answer) -> None:
        def choose(asked: str) -> tuple[int, str]:
            return answer() if asked.partition("?")[0] == path else (404, "404 page not found\n")

        server = await asyncio.start_server(lambda r, w: _serve_http(choose, r, w), *address, reuse_port=True)
        self._closing.append(server)

    def _readiness(self) -> tuple[int, str]:
        if self._mirror.cluster.synced:
            return 200, "OK"
        say("INFO", 'plugin/ready: Plugins not ready: "kubernetes"')
        return 503, "kubernetes"

    def stop(self) -> None:
        for one in self._closing:
            one.close()


class Program:
    def __init__(self, path: Path):
        self._path, self._mirror, self._registry = path, Mirror(say), Registry()
        self._builder = Builder(self._mirror, self._registry)
        self._instance: Instance | None = None
        self._digest = ""

    async def run(self) -> None:
        """Serve until told to stop. Raises CorefileError or OSError when it cannot begin."""
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await self._load(self._path.read_text())
        say("INFO", f"plugin/reload: Running configuration SHA512 = {self._digest}")
        print(f"netlab-dns-{VERSION}: netlab's own server, which reads CoreDNS' configuration", flush=True)
        print(
            f"linux/{platform.machine()}, python{platform.python_version()}, dnspython{dns.version.version}",
            flush=True,
        )
        reloading = asyncio.create_task(self._reload())
        await stop.wait()
        reloading.cancel()
        await self._leave()

    async def _load(self, text: str) -> None:
        self._digest = hashlib.sha512(text.encode()).hexdigest()
        fresh = Instance(self._builder.build(text, str(self._path)), self._mirror, self._registry)
        try:
            await fresh.start()
        except OSError:
            fresh.stop()
            raise
        if self._instance:
            self._instance.stop()
        self._instance = fresh

    async def _reload(self) -> None:
        while settings := self._instance.configuration.service.reload:
            interval, jitter = settings
            await asyncio.sleep(interval + random.uniform(0, jitter))
            with contextlib.suppress(OSError):  # the node is just writing it: look again next time
                await self._look_again(self._path.read_text())

    async def _look_again(self, text: str) -> None:
        if hashlib.sha512(text.encode()).hexdigest() == self._digest:
            return
        say("INFO", "Reloading")
        try:
            await self._load(text)
        except (CorefileError, OSError) as error:
            say("ERROR", f"plugin/reload: Corefile changed but reload failed: {error}")
        else:
            say("INFO", f"plugin/reload: Running configuration SHA512 = {self._digest}")
            say("INFO", "Reloading complete")

    async def _leave(self) -> None:
        say("INFO", "SIGTERM: Shutting down servers then terminating")
        seconds = self._instance.configuration.service.lameduck
        if seconds:
            say("INFO", f"plugin/health: Going into lameduck mode for {seconds:g}s")
            await asyncio.sleep(seconds)
        self._instance.stop()


def main() -> int:
    parser = argparse.ArgumentParser(prog="coredns")
    parser.add_argument("-conf", type=Path, default=Path("Corefile"), help="Corefile to load")
    parser.add_argument("-version", action="version", version=f"netlab-dns-{VERSION}")
    options = parser.parse_args()
    try:
        asyncio.run(Program(options.conf).run())
    except (CorefileError, OSError) as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    return 0
