"""TCP conversations put together from a capture."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from k8s_tasks.checks.packets import Packet, Segment

_WRAP = 1 << 32
_HALF = 1 << 31


@dataclass
class Conversation:
    """The segments between one client socket and one server socket."""

    client: tuple[str, int]
    server: tuple[str, int]
    from_client: list[Segment] = field(default_factory=list)
    from_server: list[Segment] = field(default_factory=list)

    @property
    def key(self) -> tuple:
        return self.client, self.server

    @cached_property
    def handshake(self) -> tuple[Segment, Segment, Segment] | None:
        """SYN, SYN-ACK and the client's ACK, when all three are there and answer each other."""
        for syn in self.from_client:
            if syn.is_syn and not syn.is_ack:
                answer = _first(
                    self.from_server, lambda s, syn=syn: s.is_syn and s.is_ack and s.ack == _next(syn)
                )
                last = answer and _first(
                    self.from_client, lambda s, a=answer: not s.is_syn and s.is_ack and s.ack == _next(a)
                )
                if last:
                    return syn, answer, last
        return None

    def carries(self, text: str) -> bool:
        return self.find(text) is not None

    def find(self, text: str) -> int | None:
        """The sequence number after the first place where the client sent `text`, whichever way it
        was cut into segments; None when it did not."""
        pieces = [each for each in self.from_client if each.payload]
        if not pieces:
            return None
        base = pieces[0].seq
        bytes_at = {}
        for piece in pieces:
            start = _distance(base, piece.seq)
            bytes_at.update({start + offset: byte for offset, byte in enumerate(piece.payload)})
        return _find_in(bytes_at, text.encode(), base)

    def is_acknowledged(self, seq: int) -> bool:
        """Whether the server said it has everything before `seq`."""
        return any(each.is_ack and _distance(seq, each.ack) >= 0 for each in self.from_server)


def conversations(packets: Iterable[Packet], client: str, server: str, port: int) -> list[Conversation]:
    """In the order they began."""
    found: dict[tuple, Conversation] = {}
    for segment in packets:
        if not isinstance(segment, Segment):
            continue
        sent = (segment.source, segment.source_port), (segment.target, segment.target_port)
        if segment.source == client and sent[1] == (server, port):
            found.setdefault(sent, Conversation(*sent)).from_client.append(segment)
        elif segment.target == client and sent[0] == (server, port):
            found.setdefault(sent[::-1], Conversation(*sent[::-1])).from_server.append(segment)
    return list(found.values())


def _find_in(bytes_at: dict[int, int], text: bytes, base: int) -> int | None:
    """A run of bytes without a hole that holds `text`."""
    run, start = bytearray(), None
    for place in sorted(bytes_at):
        if start is None or place != start + len(run):
            run, start = bytearray(), place
        run.append(bytes_at[place])
        if run.endswith(text):
            return (base + place + 1) % _WRAP
    return None


def _first(segments, wanted) -> Segment | None:
    return next((segment for segment in segments if wanted(segment)), None)


def _next(segment: Segment) -> int:
    return (segment.seq + 1) % _WRAP


def _distance(start: int, end: int) -> int:
    """From one sequence number to another, across the wrap."""
    return (end - start + _HALF) % _WRAP - _HALF
