"""The real tshark in the real dissector: ordinary packets, and hostile captures of every kind."""

import random
import struct
from contextlib import suppress

import pytest

from k8s_tasks.cluster.dissector import LABELS, ask_tshark
from k8s_tasks.cluster.execs import run_to_end, start_process
from k8s_tasks.cluster.objects import list_pods
from k8s_tasks.dissection.conversations import follow
from k8s_tasks.dissection.ladders import ladder_of
from k8s_tasks.dissection.records import NoCapture, frame_of, whole_packets
from k8s_tasks.dissection.rows import Mark, list_rows
from k8s_tasks.dissection.trees import Node, trees_around
from k8s_tasks.dissection.tshark import DissectionError, FilterRefused
from k8s_tasks.loop import api_of, on_loop
from tests.packets import ANA, CARLA, NONCE, PORT, datagram, opening, pcap, segment, unreachable

pytestmark = pytest.mark.integration
SYN, ACK, PUSH, RST = 2, 16, 8, 4
HTTP = 8080


@pytest.fixture(scope="module")
def api(stack):
    return on_loop(api_of(str(stack.kubeconfig)))


@pytest.fixture
def asking(api):
    """`asking(pcap)`: the question that `rows`, `trees` and `conversations` put."""
    return lambda file: (
        lambda arguments, limit, seconds: on_loop(
            ask_tshark(api, file, arguments, limit=limit, seconds=seconds)
        )
    )


def in_dissector(api, *argv: str):
    async def act():
        pods, _ = await list_pods(api, namespace="redes-system", labels=LABELS)
        process = await start_process(api, "redes-system", pods[0]["metadata"]["name"], list(argv))
        return await run_to_end(process, seconds=60)

    return on_loop(act())


def all_nodes(nodes) -> list[Node]:
    return [each for node in nodes for each in (node, *all_nodes(node.children))]


def request_and_answer() -> bytes:
    said, answer = (
        b"GET /<b>word</b> HTTP/1.1\r\nHost: web\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
    )
    start = opening()
    sport, dport = 40000, HTTP
    for packet in start:
        there = bytes(packet.src) == bytes(map(int, ANA.split(".")))
        packet.data.sport, packet.data.dport = (sport, dport) if there else (dport, sport)
    ask = segment(ANA, CARLA, sport, dport, flags=ACK | PUSH, seq=101, ack=901, payload=said)
    first = segment(CARLA, ANA, dport, sport, flags=ACK | PUSH, seq=901, ack=101 + len(said), payload=answer)
    rest = segment(
        CARLA,
        ANA,
        dport,
        sport,
        flags=ACK | PUSH,
        seq=901 + len(answer),
        ack=101 + len(said),
        payload=b"word",
    )
    return pcap(*start, ask, ask, first, rest)


def test_an_exchange_is_listed_with_what_is_remarkable(asking):
    rows = list_rows(asking(request_and_answer()))
    assert [row.protocol for row in rows] == ["TCP", "TCP", "TCP", "HTTP", "TCP", "TCP", "HTTP"]
    assert [row.marks for row in rows][:1] == [(Mark.OPENS,)]
    assert Mark.RETRANSMISSION in rows[4].marks
    assert {row.stream for row in rows} == {"tcp.0"}
    assert (rows[3].segment.seq, rows[3].segment.ack) == (1, 1)
    assert rows[3].info.startswith("GET /<b>word</b>")


def test_refusals_are_marked(asking):
    knock = segment(ANA, CARLA, 40000, PORT, flags=SYN, seq=100)
    refusal = segment(CARLA, ANA, PORT, 40000, flags=RST | ACK, seq=0, ack=101)
    lost = datagram(ANA, CARLA, 40001, PORT, NONCE)
    rows = list_rows(asking(pcap(knock, refusal, lost, unreachable(CARLA, lost))))
    assert [row.marks for row in rows] == [(Mark.OPENS,), (Mark.RESET,), (), (Mark.UNREACHABLE,)]


def test_a_filter_is_tsharks_own(asking):
    ask = asking(request_and_answer())
    assert [row.number for row in list_rows(ask, "http")] == [4, 7]
    assert list_rows(ask, "udp") == ()
    with pytest.raises(FilterRefused, match=r"foo\.bar"):
        list_rows(ask, "foo.bar == 1")


def test_every_field_points_at_its_own_bytes(asking):
    file = request_and_answer()
    frames = {number: frame_of(file, number) for number in range(1, 8)}
    found = trees_around(asking(file), frames)
    assert found.keys() == frames.keys()
    by_name = {node.name: node for node in all_nodes(found[4].layers)}
    where = {
        name: found[4].sources[0].data[node.span.start : node.span.end]
        for name, node in by_name.items()
        if node.span
    }
    assert where["ip.src"] == bytes(map(int, ANA.split(".")))
    assert where["tcp.dstport"] == struct.pack(">H", HTTP)
    assert where["http.request.method"] == b"GET"


def test_what_was_put_together_of_several_has_bytes_of_its_own(asking):
    file = request_and_answer()
    (tree,) = trees_around(asking(file), {7: frame_of(file, 7)}).values()
    assert [source.title for source in tree.sources] == ["", "TCP"]
    assert tree.sources[1].data.endswith(b"\r\n\r\nword")
    code = next(node for node in all_nodes(tree.layers) if node.name == "http.response.code")
    assert tree.sources[1].data[code.span.start : code.span.end] == b"200"


def test_streams_are_followed_and_drawn(asking):
    ask = asking(request_and_answer())
    talk = follow(ask, "http", 0)
    assert [turn.by_first for turn in talk.turns] == [True, False]
    assert talk.turns[1].text.endswith("\n\nword")
    ladder = ladder_of(list_rows(ask), 0)
    assert [step.is_again for step in ladder.steps] == [False] * 4 + [True, False, False]


def test_the_dissector_has_no_network_no_rights_and_no_files(api, asking):
    list_rows(asking(request_and_answer()))  # it is there
    look = "ip -br link | grep -vc ' DOWN '; id -u; grep CapEff /proc/self/status; ip link set eth0 up 2>&1"
    seen = in_dissector(api, "bash", "-c", f"{look}; touch /x 2>&1; ls /var/run/secrets/kubernetes.io 2>&1")
    told = seen.stdout.decode()
    assert told.startswith("0\n65534\nCapEff:\t0000000000000000\n")
    assert "not permitted" in told and "Read-only file system" in told and "No such file" in told
    reached = in_dissector(api, "bash", "-c", "timeout 3 bash -c '</dev/tcp/10.96.0.1/443'")
    assert reached.exit_code != 0
    left = in_dissector(api, "bash", "-c", "ls -A /tmp")
    assert left.stdout == b""


HEADER = pcap()


def record(frame: bytes, claimed: int | None = None) -> bytes:
    size = len(frame) if claimed is None else claimed
    return struct.pack("<IIII", 0, 0, len(frame), size) + frame


def hostile_captures():
    """Files and packets meant for trouble, by name."""
    ethernet = b"\x02" * 12
    good = request_and_answer()
    yield "empty", HEADER
    yield "cut in a packet", good[:-7]
    yield (
        "a length of four gigabytes",
        HEADER + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 0xFFFFFFFF) + bytes(64),
    )
    yield "a wire length of four gigabytes", HEADER + record(ethernet + b"\x08\x00" + bytes(20), 0xFFFFFFFF)
    yield "an unknown link type", HEADER[:20] + struct.pack("<I", 0x7FFF) + record(bytes(64))
    yield "no bytes at all in a packet", HEADER + record(b"") * 50
    yield "a hundred VLAN tags", HEADER + record(ethernet + b"\x81\x00\x00\x01" * 100 + b"\x08\x00")
    yield "a thousand MPLS labels", HEADER + record(ethernet + b"\x88\x47" + b"\x00\x00\x10\x40" * 1000)
    nest = b""
    for _ in range(60):  # IP in IP in IP ...
        nest = struct.pack(">BBHHHBBH8x", 0x45, 0, min(20 + len(nest), 65535), 0, 0, 64, 4, 0) + nest
    yield "sixty addresses deep", HEADER + record(ethernet + b"\x08\x00" + nest)
    loop = struct.pack(">HHHHHH", 1, 0x8180, 1, 0, 0, 0) + b"\xc0\x0c" + b"\x00\x01\x00\x01"
    yield "a DNS name that points at itself", pcap(datagram(ANA, CARLA, 4000, 53, loop))
    many = struct.pack(">HHHHHH", 1, 0x8180, 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFF) + b"\x01a\x00" * 300
    yield "DNS with sixty thousand answers", pcap(datagram(ANA, CARLA, 4000, 53, many))
    tags = b"<" + b"<a>" * 400 + b"&#0;&x;]]><!DOCTYPE a [<!ENTITY x 'y'>]>\x1b]0;x\x07\xe2\x80\xae"
    yield "tags and entities", pcap(datagram(ANA, CARLA, 4000, 514, tags))
    yield (
        "deep JSON",
        pcap(
            *opening(),
            segment(ANA, CARLA, 40000, PORT, flags=ACK | PUSH, seq=101, ack=901, payload=b"[" * 1300),
        ),
    )
    dice = random.Random(8205)
    for number in range(6):
        broken = bytearray(good)
        for _ in range(dice.randrange(1, 60)):
            broken[dice.randrange(24, len(broken))] = dice.randrange(256)
        yield f"broken at random {number}", bytes(broken)
    for number in range(6):
        frames = [
            ethernet
            + dice.choice([b"\x08\x00", b"\x86\xdd", b"\x88\xcc"])
            + dice.randbytes(dice.randrange(0, 300))
            for _ in range(20)
        ]
        yield f"noise {number}", HEADER + b"".join(map(record, frames))


@pytest.mark.parametrize("name", [name for name, _file in hostile_captures()])
def test_a_hostile_capture_is_read_or_refused_in_a_sentence(asking, name):
    try:
        packets = whole_packets(dict(hostile_captures())[name])
    except NoCapture:
        return
    ask = asking(packets.pcap)
    acts = [lambda: list_rows(ask), lambda: follow(ask, "udp", 0)]
    if packets.count:
        acts.append(lambda: trees_around(ask, {1: frame_of(packets.pcap, 1)}))
    for act in acts:
        with suppress(DissectionError):
            act()


def test_a_filter_that_takes_for_ever_is_ended(api):
    """`matches` is a regular expression, which may be meant to take for ever."""
    wicked = segment(ANA, CARLA, 40000, PORT, flags=ACK | PUSH, seq=101, ack=901, payload=b"a" * 1400 + b"!")
    file = pcap(*[wicked] * 400)
    asked = ["-Y", 'frame matches "^.{40,60}(a|a|aa)+(a|aa)+(a?)+$"', "-T", "psml"]
    done = on_loop(ask_tshark(api, file, asked, limit=1_000_000, seconds=2))
    assert done.exit_code in (0, 2, 124, 137, 152)


def test_an_answer_is_cut_at_its_limit(api):
    done = on_loop(ask_tshark(api, request_and_answer(), ["-T", "pdml"], limit=1000, seconds=15))
    assert len(done.stdout) == 1000


def test_memory_and_clock_are_limited(api):
    script = 'sed \'s/tshark -n -r .*capture.pcap" "$@"/"$@"/\' /usr/local/bin/redes-dissect > /tmp/trial'
    in_dissector(api, "bash", "-c", script)
    try:
        greedy = in_dissector(
            api,
            "bash",
            "/tmp/trial",
            "0",
            "1000",
            "20",
            "--",
            "python3",
            "-c",
            "x = bytearray(2_000_000_000)",
        )
        assert b"MemoryError" in greedy.stderr
        slow = in_dissector(api, "bash", "/tmp/trial", "0", "1000", "1", "--", "sleep", "60")
        assert slow.exit_code == 124
        busy = in_dissector(
            api, "bash", "/tmp/trial", "0", "1000", "1", "--", "bash", "-c", "while :; do :; done"
        )
        assert busy.exit_code in (124, 137, 152)
    finally:
        in_dissector(api, "rm", "/tmp/trial")
