"""Messages as they are on the wire: too long, over TCP, broken, hostile."""

import struct

import dns.flags
import dns.message
import dns.rcode
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.netlab.addons.dns_worlds import ask, cluster, endpoint, endpoint_slice, resolver

CLIENT = ("10.244.1.9", 40000)


def crowded():
    world = cluster()
    many = [endpoint(f"10.244.3.{n}") for n in range(1, 101)]
    world.put_slice(("shop", "db-x"), endpoint_slice("db", *many))
    return resolver(world=world)


async def test_an_answer_too_long_for_udp_is_cut_and_marked():
    message = await ask(crowded(), "db.shop.svc.cluster.local")
    assert message.flags & dns.flags.TC
    assert 10 < len(message.answer[0]) < 100
    assert len(message.to_wire()) <= 512


async def test_a_client_that_takes_more_gets_more():
    message = await ask(crowded(), "db.shop.svc.cluster.local", use_edns=0, payload=4096)
    assert not message.flags & dns.flags.TC
    assert len(message.answer[0]) == 100


async def test_over_tcp_nothing_is_cut():
    query = dns.message.make_query("db.shop.svc.cluster.local", "A")
    message = dns.message.from_wire(await crowded().respond(query.to_wire(), CLIENT, "tcp"))
    assert len(message.answer[0]) == 100


@pytest.mark.parametrize(
    ("wire", "wanted"),
    [
        (b"", None),
        (b"\x12\x34\x01", None),
        (b"\x12\x34\x81" + bytes(9), None),  # an answer is never answered: two servers would not end
        (b"\x12\x34\x01\x00\x00\x05" + bytes(6), dns.rcode.FORMERR),
        (b"\x12\x34\x28\x00" + bytes(8), dns.rcode.NOTIMP),  # an UPDATE
    ],
)
async def test_what_is_no_question_gets_what_it_deserves(wire, wanted):
    answer = await resolver().respond(wire, CLIENT, "udp")
    assert (answer and answer[3] & 15) == wanted
    assert answer is None or answer[:2] == wire[:2]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=80))
async def test_no_bytes_end_the_server(data):
    made = resolver()
    for wire in (data, b"\x12\x34" + struct.pack("!5H", 0x0100, 1, 0, 0, 0) + data):
        answer = await made.respond(wire, CLIENT, "udp")
        assert answer is None or len(answer) >= 12
