"""One packet as a tree: each field points at its own bytes, or nowhere."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_tasks.dissection import trees
from k8s_tasks.dissection.trees import Span, tree_of, trees_around
from tests.k8s_tasks.dissection.answers import says

FRAME = bytes.fromhex("020000000002 020000000001 0800") + b"GET /word"


def tree(*layers: str, frame: bytes = FRAME):
    return tree_of(1, ElementTree.fromstring(f"<packet>{''.join(layers)}</packet>"), frame)


def field(name, pos, size, value="", inner="", **more):
    facts = "".join(f' {key}="{each}"' for key, each in more.items())
    return f'<field name="{name}" pos="{pos}" size="{size}" value="{value}"{facts}>{inner}</field>'


def layer(name, pos, size, *fields):
    return f'<proto name="{name}" pos="{pos}" size="{size}" showname="{name}">{"".join(fields)}</proto>'


def test_a_field_points_at_its_bytes_and_a_layer_where_its_fields_lie():
    (eth,) = tree(layer("eth", 0, 14, field("eth.type", 12, 2, "0800"))).layers
    assert eth.span == Span(0, 0, 14)
    assert (eth.children[0].name, eth.children[0].span) == ("eth.type", Span(0, 12, 2))


def test_a_bit_points_at_the_byte_it_is_in():
    bit = field("eth.dst.lg", 0, 3, "1", unmaskedvalue="020000")
    assert tree(layer("eth", 0, 14, bit)).layers[0].children[0].span == Span(0, 0, 3)


def test_a_field_whose_bytes_are_elsewhere_points_nowhere():
    (http,) = tree(layer("http", 0, 4, field("http.request", 0, 4, "48545450"))).layers
    assert http.span is None
    assert http.children[0].span is None


def test_what_was_put_together_is_a_source_of_its_own():
    whole = b"HTTP/1.1 200 OK".hex()
    wrapped = f'<proto name="fake-field-wrapper">{field("tcp.reassembled.data", 0, 15, whole)}</proto>'
    shown = tree(wrapped, layer("http", 0, 15, field("http.response.version", 0, 8, b"HTTP/1.1".hex())))
    assert [source.title for source in shown.sources] == ["", "TCP"]
    assert [node.name for node in shown.layers] == ["tcp.reassembled.data", "http"]
    assert shown.layers[1].span == Span(1, 0, 15)
    assert shown.layers[1].children[0].span == Span(1, 0, 8)


@pytest.mark.parametrize(
    ("pos", "size"), [("-1", "4"), ("", ""), ("99999999999", "4"), ("0", "0"), ("0", "4096"), ("x", "y")]
)
def test_an_absurd_place_is_no_place(pos, size):
    (odd,) = tree(layer("odd", pos, size, field("f", pos, size, "zz"))).layers
    assert odd.span is None
    assert odd.children[0].span is None


def test_what_tshark_hides_is_hidden():
    (eth,) = tree(layer("eth", 0, 14, field("eth.addr", 0, 6, "020000000002", hide="yes"))).layers
    assert eth.children == []


def test_a_flood_of_fields_is_cut_and_counted(monkeypatch):
    monkeypatch.setattr(trees, "MOST_NODES", 10)
    shown = tree(layer("eth", 0, 14, *(field(f"f{number}", 0, 0) for number in range(50))))
    assert (len(shown.layers[0].children), shown.left_out) == (9, 41)


def test_a_deep_nest_is_cut():
    nest = ""
    for _ in range(300):
        nest = field("deep", 0, 0, inner=nest)
    shown = tree(layer("eth", 0, 14, nest))
    depth, node = 0, shown.layers[0]
    while node.children:
        depth, node = depth + 1, node.children[0]
    assert (depth, shown.left_out) == (trees.DEEPEST, 1)


def test_bytes_are_shown_in_lines_of_sixteen():
    (source,) = tree().sources
    assert [line.offset for line in source.lines] == ["0000", "0010"]
    assert source.lines[0].octets[:2] == ("02", "00")
    assert ["".join(line.text)[-6:] for line in source.lines] == ["····GE", "T /word"[1:]]


def test_only_the_first_bytes_of_a_giant_are_shown(monkeypatch):
    monkeypatch.setattr(trees, "MOST_BYTES", 16)
    (source,) = tree().sources
    assert (len(source.lines), source.hidden) == (1, len(FRAME) - 16)


def test_neighbours_are_answered_by_one_question():
    ask = says(f"<pdml><packet>{layer('eth', 0, 14)}</packet><packet>{layer('ip', 0, 2)}</packet></pdml>")
    found = trees_around(ask, {4: FRAME, 5: FRAME})
    assert {number: shown.layers[0].name for number, shown in found.items()} == {4: "eth", 5: "ip"}
    assert ask.questions == [["-T", "pdml", "-c", "5", "-Y", "frame.number >= 4 && frame.number <= 5"]]


@given(st.integers(-5, 60), st.integers(-5, 60), st.binary(max_size=8))
def test_a_place_that_is_told_is_always_inside_the_bytes(pos, size, value):
    (node,) = tree(field("f", pos, size, value.hex())).layers
    if node.span:
        assert FRAME[node.span.start : node.span.end] == value
        assert 0 <= node.span.start < node.span.end <= len(FRAME)
