"""The relay's reckoning and its netlink messages; that packets obey is shown in test_live_impairments."""

import random
import struct

from netlab.agent.effects import Effects
from netlab.agent.relay import Schedule, packets, verdict


def releases(effects: Effects, count: int, *, length: int = 1250, gap: float = 0.0) -> list[float | None]:
    schedule = Schedule(effects, random.Random(1))
    return [schedule.release(10 + i * gap, length) for i in range(count)]


def test_a_delay_is_the_same_for_every_packet():
    assert releases(Effects(delay=50), 3) == [10.05, 10.05, 10.05]


def test_jitter_spreads_around_the_delay():
    found = [when - 10 for when in releases(Effects(delay=50, jitter=10), 2000)]
    assert 0.04 <= min(found) < 0.041 and 0.059 < max(found) <= 0.06


def test_packets_that_overtake_do_not_wait():
    found = releases(Effects(delay=50, reorder=25), 2000)
    assert 400 < found.count(10) < 600 and found.count(10) + found.count(10.05) == 2000


def test_a_rate_spaces_packets_out_and_loses_what_would_wait_too_long():
    found = releases(Effects(rate=1000), 40)  # 10 ms each
    assert [round(when, 2) for when in found[:3]] == [10.01, 10.02, 10.03]
    assert found[31:] == [None] * 9


def test_an_idle_link_saves_no_credit():
    assert releases(Effects(rate=1000), 2, gap=1.0) == [10.01, 11.01]


def test_a_packet_is_told_by_number_and_length():
    header = struct.pack(">I", 7) + b"\x08\x00\x00\x00"
    ip = bytes([0x45, 0]) + struct.pack(">H", 1500) + bytes(16)
    attributes = struct.pack("=HH", 4 + len(header), 1) + header + struct.pack("=HH", 4 + len(ip), 10) + ip
    body = bytes(4) + attributes
    message = struct.pack("=IHHII", 16 + len(body), 3 << 8, 0, 0, 0) + body
    assert list(packets(message + message)) == [(7, 1500), (7, 1500)]


def test_a_verdict_is_well_formed():
    message = verdict(5, 7, 1)
    assert struct.unpack("=I", message[:4])[0] == len(message) == 32
    assert struct.unpack(">II", message[-8:]) == (1, 7)
