"""The list of packets: what tshark's columns mean, and what its refusals become."""

import pytest

from k8s_tasks.cluster.errors import Unreachable
from k8s_tasks.dissection.plain import UNKNOWN
from k8s_tasks.dissection.rows import Mark, list_rows
from k8s_tasks.dissection.tshark import LONGEST_FILTER, DissectionError, FilterRefused
from tests.k8s_tasks.dissection.answers import psml, says, tcp

ANA, WEB = "10.244.1.2", "10.244.2.3"
SYN, FIN, RST, ACK, PSH = 2, 1, 4, 16, 8


def only(told: dict):
    (row,) = list_rows(says(psml(told)))
    return row


def test_a_row_tells_its_columns_and_its_segment():
    row = only(tcp(7, ANA, WEB, PSH | ACK, seq=1, ack=1, length=70))
    assert (row.number, row.time, row.source, row.target, row.length) == (7, "0.700000", ANA, WEB, 54)
    assert (row.stream, row.ink, row.segment.flag_names) == ("tcp.0", "tcp", "PSH, ACK")
    assert (row.segment.seq, row.segment.ack, row.segment.length) == (1, 1, 70)


@pytest.mark.parametrize(
    ("told", "marks"),
    [
        (tcp(1, ANA, WEB, SYN), (Mark.OPENS,)),
        (tcp(1, ANA, WEB, SYN | ACK), ()),
        (tcp(1, ANA, WEB, FIN | ACK), (Mark.CLOSES,)),
        (tcp(1, ANA, WEB, RST | ACK), (Mark.RESET,)),
        (tcp(1, ANA, WEB, ACK, **{"tcp.analysis.retransmission": "✓"}), (Mark.RETRANSMISSION,)),
        (tcp(1, ANA, WEB, SYN, **{"tcp.analysis.retransmission": "1"}), (Mark.RETRANSMISSION, Mark.OPENS)),
        ({"number": "1", "protocol": "ICMP", "icmp.type": "3", "udp.stream": "4"}, (Mark.UNREACHABLE,)),
        ({"number": "1", "protocol": "ICMP", "icmp.type": "8"}, ()),
    ],
)
def test_what_is_remarkable_is_marked(told, marks):
    assert only(told).marks == marks


def test_hostile_text_is_only_text():
    row = only(tcp(1, ANA, WEB, ACK, info="&lt;script&gt;\u202egnp.exe &#27;[31m\x1b&#x27;\n"))
    assert row.info == f"<script>{UNKNOWN}gnp.exe {UNKNOWN}[31m{UNKNOWN}' "


def test_a_filter_is_one_argument_of_its_own():
    ask = says(psml())
    list_rows(ask, " tcp.port == 80; rm -rf / ")
    assert ask.questions[0][-2:] == ["-Y", "tcp.port == 80; rm -rf /"]


def test_a_filter_is_refused_with_the_words_of_tshark():
    said = b'Running as user "root".\ntshark: "foo" is neither a field nor a protocol name.\n    foo\n'
    with pytest.raises(FilterRefused) as refused:
        list_rows(says("", exit_code=2, stderr=said), "foo")
    assert str(refused.value).startswith('"foo" is neither a field nor a protocol name.')


@pytest.mark.parametrize("words", ["x" * (LONGEST_FILTER + 1), "tcp\nudp", "tcp\0", "tcp \x1b[31m"])
def test_some_filters_are_not_even_asked(words):
    ask = says(psml())
    with pytest.raises(FilterRefused):
        list_rows(ask, words)
    assert ask.questions == []


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (says("<psml>", exit_code=124), "did not finish"),
        (says("", exit_code=137), "did not finish"),
        (says("", exit_code=139), "broke on these packets"),
        (says("", exit_code=2, stderr=b"tshark: The file isn't a capture file"), "cannot read this capture"),
        (says("<psml><packet>"), "cannot be read"),
        (says('<!DOCTYPE x [<!ENTITY a "b">]><psml>&a;</psml>'), "cannot be read"),
        (says("x" * 25_000_000), "more in this capture"),
    ],
)
def test_what_goes_wrong_is_a_sentence(ask, words):
    with pytest.raises(DissectionError, match=words):
        list_rows(ask)


def test_a_cluster_that_is_away_is_a_sentence_too():
    def ask(*_):
        raise Unreachable("the Kubernetes API does not answer")

    with pytest.raises(DissectionError, match="cannot be taken apart now"):
        list_rows(ask)
