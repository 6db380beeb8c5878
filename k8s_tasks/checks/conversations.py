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
        answers = {each.ack: each for each in self.from_server if each.is_syn and each.is_ack}
        acks = {each.ack: each for each in reversed(self.from_client) if each.is_ack and not each.is_syn}
        for syn in self.from_client:
            answer = answers.get(_next(syn)) if syn.is_syn and not syn.is_ack else None
            if answer and _next(answer) in acks:
                return syn, answer, acks[_next(answer)]
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
        placed = sorted((distance(base, piece.seq), piece.payload) for piece in pieces)
        end = _find_in(placed, text.encode())
        return None if end is None else (base + end) % _WRAP

    @property
    def retransmissions(self) -> list[Segment]:
        """Segments with data that the client had sent before."""
        seen: set[tuple[int, bytes]] = set()
        again = []
        for each in filter(lambda each: each.payload, self.from_client):
            (again.append(each) if (each.seq, each.payload) in seen else seen.add((each.seq, each.payload)))
        return again

    @property
    def delivered(self) -> int | None:
        """How many bytes the client sent, once it has closed and the server has acknowledged all of them;
        None before."""
        end = next((each for each in self.from_client if each.is_fin), None)
        if not self.handshake or end is None:
            return None
        last = (end.seq + end.length) % _WRAP
        is_whole = self.is_acknowledged((last + 1) % _WRAP)
        return distance(_next(self.handshake[0]), last) if is_whole else None

    def is_acknowledged(self, seq: int) -> bool:
        """Whether the server said it has everything before `seq`."""
        return any(each.is_ack and distance(seq, each.ack) >= 0 for each in self.from_server)


def conversations(
    packets: Iterable[Packet], client: str | None, server: str, port: int
) -> list[Conversation]:
    """In the order they began; with anybody when `client` is None."""
    found: dict[tuple, Conversation] = {}
    for segment in packets:
        if not isinstance(segment, Segment):
            continue
        sent = (segment.source, segment.source_port), (segment.target, segment.target_port)
        if sent[1] == (server, port) and client in (None, segment.source):
            found.setdefault(sent, Conversation(*sent)).from_client.append(segment)
        elif sent[0] == (server, port) and client in (None, segment.target):
            found.setdefault(sent[::-1], Conversation(*sent[::-1])).from_server.append(segment)
    return list(found.values())


def _find_in(placed: list[tuple[int, bytes]], text: bytes) -> int | None:
    """The place after `text` in pieces sorted by their place. A hole ends a run of bytes; of bytes
    sent twice the first count."""
    run, start = bytearray(), placed[0][0]
    for place, payload in placed:
        end = start + len(run)
        if place > end:
            run, start, end = bytearray(), place, place
        run += payload[end - place :]
        found = run.find(text, max(0, end - start - len(text) + 1))
        if found >= 0:
            return start + found + len(text)
    return None


def _next(segment: Segment) -> int:
    return (segment.seq + 1) % _WRAP


def distance(start: int, end: int) -> int:
    """From one sequence number to another, across the wrap."""
    return (end - start + _HALF) % _WRAP - _HALF
