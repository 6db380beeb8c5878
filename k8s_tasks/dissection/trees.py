"""One packet: its layers as a tree, and which bytes each field stands for.

A field tells where its bytes begin, but not in what: in the packet itself, or in something that was put
together from several. So its bytes are compared: where they are not what the field says, it points
nowhere, and a page highlights nothing rather than something wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from xml.etree.ElementTree import Element

from k8s_tasks.dissection.plain import plain
from k8s_tasks.dissection.tshark import Ask, parsed, told

LIMIT = 8_000_000
MOST_NODES = 3000
DEEPEST = 24
LONGEST_WORDS = 400
MOST_BYTES = 16_384  # of one source that are shown
AROUND = 8  # packets before and after that one question answers too: who reads one reads the next
_REASSEMBLED = ".reassembled.data"


@dataclass(frozen=True)
class Span:
    """Bytes of the source of that index."""

    source: int
    start: int
    size: int

    @property
    def end(self) -> int:
        return self.start + self.size


@dataclass
class Node:
    """A layer or field: `name` is what a filter calls it, empty for mere words."""

    words: str
    name: str
    span: Span | None = None
    children: list["Node"] = field(default_factory=list)


@dataclass(frozen=True)
class Line:
    offset: str
    octets: tuple[str, ...]
    text: tuple[str, ...]


@dataclass(frozen=True)
class Source:
    """Bytes that fields point into: the packet, or what was put together of several."""

    title: str
    data: bytes

    @property
    def lines(self) -> list[Line]:
        shown = self.data[:MOST_BYTES]
        return [_line(start, shown[start : start + 16]) for start in range(0, len(shown), 16)]

    @property
    def hidden(self) -> int:
        return max(0, len(self.data) - MOST_BYTES)


@dataclass(frozen=True)
class Tree:
    """`left_out` counts fields beyond what a page shows."""

    number: int
    layers: tuple[Node, ...]
    sources: tuple[Source, ...]
    left_out: int


def trees_around(ask: Ask, frames: dict[int, bytes]) -> dict[int, Tree]:
    """The trees of these packets, by number. Raises DissectionError."""
    first, last = min(frames), max(frames)
    shown = f"frame.number >= {first} && frame.number <= {last}"
    text, _cut = told(ask, ["-T", "pdml", "-c", str(last), "-Y", shown], limit=LIMIT)
    packets = zip(count(first), parsed(text).iter("packet"))
    return {number: tree_of(number, packet, frames[number]) for number, packet in packets if number in frames}


def tree_of(number: int, packet: Element, frame: bytes) -> Tree:
    sources = (Source("", frame), *_reassembled(packet))
    grower = _Grower([source.data for source in sources])
    layers = [layer for layer in _layers(packet) if layer.get("name") != "geninfo"]
    return Tree(number, tuple(grower.grow(layers)), sources, grower.left_out)


def _layers(packet: Element) -> Iterable[Element]:
    """What tshark only wraps stands for itself."""
    for layer in packet:
        if layer.get("name") == "fake-field-wrapper":
            yield from layer
        else:
            yield layer


def _reassembled(packet: Element) -> list[Source]:
    found = []
    for each in packet.iter("field"):
        if (each.get("name") or "").endswith(_REASSEMBLED) and (data := _bytes(each)):
            found.append(Source((each.get("name") or "").partition(".")[0].upper(), data))
    return found[:4]


class _Grower:
    """Makes nodes up to a limit, and counts the rest."""

    def __init__(self, sources: Sequence[bytes]):
        self._sources = sources
        self._room = MOST_NODES
        self.left_out = 0

    def grow(self, elements: Iterable[Element], depth: int = 0) -> list[Node]:
        nodes = []
        for each in elements:
            if each.get("hide") == "yes":
                continue
            if self._room <= 0 or depth > DEEPEST:
                self.left_out += 1
                continue
            self._room -= 1
            nodes.append(self._node(each, depth))
        return nodes

    def _node(self, element: Element, depth: int) -> Node:
        name = element.get("name") or ""
        words = element.get("showname") or element.get("show") or name
        children = self.grow(element, depth + 1)
        node = Node(plain(words).replace("\n", " ")[:LONGEST_WORDS], name, children=children)
        node.span = self._span(element, children)
        return node

    def _span(self, element: Element, children: list[Node]) -> Span | None:
        start, size = _number(element.get("pos")), _number(element.get("size"))
        if start < 0 or size <= 0:
            return None
        if data := _bytes(element):
            source = self._source_with(data, start) if len(data) == size else None
        elif element.get("name") == "frame":
            source = 0
        else:  # a layer has no bytes of its own: it lies where its fields lie
            source = next((child.span.source for child in children if child.span), None)
        if source is None or start + size > len(self._sources[source]):
            return None
        return Span(source, start, size)

    def _source_with(self, data: bytes, start: int) -> int | None:
        places = enumerate(self._sources)
        return next((index for index, each in places if each[start : start + len(data)] == data), None)


def _bytes(element: Element) -> bytes:
    try:
        return bytes.fromhex(element.get("unmaskedvalue") or element.get("value") or "")
    except ValueError:
        return b""


def _number(text: str | None) -> int:
    try:
        return int(text or "")
    except ValueError:
        return -1


def _line(start: int, data: bytes) -> Line:
    text = tuple(chr(octet) if 0x20 <= octet < 0x7F else "·" for octet in data)
    return Line(f"{start:04x}", tuple(f"{octet:02x}" for octet in data), text)
