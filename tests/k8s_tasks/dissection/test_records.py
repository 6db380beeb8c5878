"""Capture files: whole packets, and nothing believed that is not there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from k8s_tasks.dissection import records
from k8s_tasks.dissection.records import NoCapture, frame_of, whole_packets
from tests.packets import line, opening, pcap

FILE = pcap(*opening(), *line())


def test_the_packets_of_a_whole_file_are_counted():
    packets = whole_packets(FILE)
    assert (packets.pcap, packets.count, packets.is_cut) == (FILE, 5, False)


def test_a_packet_that_is_being_written_is_left_for_later():
    packets = whole_packets(FILE[:-1])
    assert (packets.count, packets.is_cut) == (4, True)
    assert whole_packets(packets.pcap).count == 4


def test_a_length_that_cannot_be_true_ends_the_file():
    lying = bytearray(FILE)
    lying[24 + 8 : 24 + 12] = b"\xff\xff\xff\xff"
    assert whole_packets(bytes(lying)).count == 0


def test_no_more_packets_are_kept_than_the_limit(monkeypatch):
    monkeypatch.setattr(records, "MAX_PACKETS", 2)
    packets = whole_packets(FILE)
    assert (packets.count, packets.is_cut) == (2, True)


@pytest.mark.parametrize(
    "file", [b"", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a" + bytes(40), b"GIF89a" + bytes(40)]
)
def test_what_is_no_capture_is_said_to_be_none(file):
    with pytest.raises(NoCapture):
        whole_packets(file)


def test_the_bytes_of_one_packet_are_found_by_its_number():
    assert frame_of(FILE, 4).endswith(b"redes-k7m2xp\n")
    with pytest.raises(IndexError):
        frame_of(FILE, 6)


@given(
    st.binary(max_size=400), st.sampled_from([b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\xc3\xd4", b"\x4d\x3c\xb2\xa1"])
)
def test_whatever_follows_the_header_is_cut_to_whole_packets(rest, magic):
    file = magic + bytes(20) + rest
    packets = whole_packets(file)
    assert file.startswith(packets.pcap)
    assert whole_packets(packets.pcap) == records.Packets(packets.pcap, packets.count)
    for number in range(1, packets.count + 1):
        assert frame_of(packets.pcap, number) in file
