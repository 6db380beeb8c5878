"""Each check, with what proves it, what does not, and what decides nothing."""

import asyncio
from dataclasses import replace

import pytest

from curriculum.course import get_course
from curriculum.enums import Verdict
from curriculum.kinds import AnswerSettings, CaptureSettings
from k8s_tasks.checks import answer, capture, judge
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.observing import MARK
from k8s_tasks.checks.packets import read_packets
from tests.packets import (
    ACK,
    ANA,
    CARLA,
    FIN,
    NONCE,
    PORT,
    PUSH,
    datagram,
    line,
    opening,
    pcap,
    ping,
    seen,
    segment,
    stand_in,
    unreachable,
)

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED
WORD = NONCE.decode().strip()
PROBE = MARK + b"12345678"
VALUES = {"port": PORT, "nonce": NONCE.decode().strip()}


def verdict(condition: str, observation, answer: str = "") -> Verdict:
    return finding(condition, observation, answer).verdict


def finding(condition, observation, answer=""):
    spec = get_course().lab("ping-and-netcat").condition(condition)
    answers = {"answer-ttl": answer} if answer else {}
    return asyncio.run(judge(spec, stand_in(observation, values=VALUES, answers=answers)))


class TestEchoPair:
    def test_a_ping_seen_at_both_ends_passes(self):
        assert verdict("echo-pair", seen(ping())) == PASS

    def test_nothing_captured_is_not_yet(self):
        assert verdict("echo-pair", seen([])) == FAIL

    def test_a_request_without_a_reply_is_not_enough(self):
        assert verdict("echo-pair", seen(ping()[:1])) == FAIL

    def test_a_reply_to_another_request_is_not_enough(self):
        assert verdict("echo-pair", seen([ping(seq=1)[0], ping(seq=2)[1]])) == FAIL

    def test_the_platforms_probe_is_not_the_students(self):
        assert verdict("echo-pair", seen(ping(payload=PROBE))) == FAIL

    def test_a_pair_at_one_end_only_decides_nothing(self):
        assert verdict("echo-pair", seen(ping(), [])) == UNDECIDED

    def test_a_broken_capture_decides_nothing(self):
        observation = seen(ping(), broken={"carla": Broken("tcpdump has died")})
        assert verdict("echo-pair", observation) == UNDECIDED

    def test_a_pod_that_is_gone_decides_nothing(self):
        observation = replace(seen(ping()), places={})
        assert verdict("echo-pair", observation) == UNDECIDED


class TestConversation:
    def test_the_word_sent_and_acknowledged_passes(self):
        talk = seen([*opening(), *line()])
        assert (verdict("handshake", talk), verdict("nonce-delivered", talk)) == (PASS, PASS)

    def test_another_word_proves_nothing(self):
        talk = seen([*opening(), *line(b"redes-zzzzzz\n")])
        assert (verdict("handshake", talk), verdict("nonce-delivered", talk)) == (FAIL, FAIL)

    def test_a_word_nobody_acknowledged_was_not_delivered(self):
        talk = seen([*opening(), *line(acknowledged=False)])
        assert (verdict("handshake", talk), verdict("nonce-delivered", talk)) == (PASS, FAIL)

    def test_a_word_cut_into_segments_is_found(self):
        first, second = line(NONCE[:5]), line(NONCE[5:], client_isn=105)
        assert verdict("nonce-delivered", seen([*opening(), *first, *second])) == PASS

    def test_a_word_sent_twice_or_out_of_order_is_found(self):
        first, second = line(NONCE[:5]), line(NONCE[5:], client_isn=105)
        assert verdict("nonce-delivered", seen([*opening(), *second, *first, *first])) == PASS

    def test_a_word_with_a_hole_in_it_is_not(self):
        first, second = line(NONCE[:5]), line(NONCE[6:], client_isn=106)
        assert verdict("nonce-delivered", seen([*opening(), *first, *second])) == FAIL

    def test_the_handshake_must_be_that_conversations(self):
        talk = seen([*opening(sport=40001), *line(sport=40000)])
        assert (verdict("handshake", talk), verdict("nonce-delivered", talk)) == (FAIL, PASS)

    def test_a_refused_connection_is_no_handshake(self):
        talk = seen(opening()[:1])
        assert verdict("handshake", talk) == FAIL

    def test_sequence_numbers_may_wrap(self):
        top = 2**32 - 1
        start = [
            segment(ANA, CARLA, 40000, PORT, flags=2, seq=top),
            segment(CARLA, ANA, PORT, 40000, flags=18, seq=900, ack=0),
            segment(ANA, CARLA, 40000, PORT, flags=16, seq=0, ack=901),
        ]
        talk = seen([*start, *line(client_isn=-1)])
        assert (verdict("handshake", talk), verdict("nonce-delivered", talk)) == (PASS, PASS)

    def test_a_conversation_forged_at_one_end_decides_nothing(self):
        assert verdict("nonce-delivered", seen([*opening(), *line()], [])) == UNDECIDED


class TestDelivery:
    """What the labs on loss look at: what was sent twice, and whether all of it arrived."""

    def judge(self, shows, near, far=None):
        settings = CaptureSettings(source="ana", target="carla", shows=shows, port="x", payload=WORD)
        return capture.judge(settings, seen(near, far), port=PORT)

    def closing(self, acknowledged=True):
        end = 101 + len(NONCE)
        fin = segment(ANA, CARLA, 40000, PORT, flags=FIN | ACK, seq=end, ack=901)
        last = segment(CARLA, ANA, PORT, 40000, flags=ACK, seq=901, ack=end + 1)
        return [fin, last] if acknowledged else [fin]

    def test_a_closed_conversation_whose_every_byte_was_acknowledged_is_delivered(self):
        found = self.judge("delivered", [*opening(), *line(), *self.closing()])
        assert (found.verdict, found.evidence["bytes"]) == (PASS, len(NONCE))

    def test_before_the_last_acknowledgement_it_is_not(self):
        open_ends = [*opening(), *line()], [*opening(), *line(), *self.closing(acknowledged=False)]
        assert [self.judge("delivered", packets).verdict for packets in open_ends] == [FAIL, FAIL]

    def test_a_segment_sent_twice_is_a_retransmission_even_when_one_was_lost(self):
        again = [*opening(), *line(), *line()]
        assert self.judge("retransmission", again, [*opening(), *line()]).evidence["retransmissions"] == 1
        assert self.judge("retransmission", [*opening(), *line()]).verdict == FAIL

    def test_a_datagram_has_no_handshake(self):
        sent = datagram(ANA, CARLA, 4000, PORT, NONCE)
        assert self.judge("datagram", [sent]).verdict == PASS
        assert self.judge("datagram", [*opening(), *line()]).verdict == FAIL

    def test_datagrams_are_counted_where_they_arrived(self):
        sent = [datagram(ANA, CARLA, 4000, PORT, b"w udp %d" % number) for number in range(5)]
        settings = AnswerSettings(step="count", equals="datagrams", source="ana", target="carla")
        counted = [
            answer.count_datagrams(settings, seen(sent, arrived), port=PORT, start="w udp")
            for arrived in (sent, sent[1:4], [])
        ]
        assert counted == [5, 3, 0]
        assert answer.count_datagrams(settings, seen([]), port=PORT, start="w udp") is None


class TestSeenFrom:
    def judge(self, seen_from, client):
        settings = CaptureSettings(
            source="node:0", target="carla", shows="payload", port="x", payload=WORD, seen_from=seen_from
        )
        talk = [*opening(), *line()]
        opener = talk[0].src
        for packet in talk:
            end = "src" if packet.src == opener else "dst"
            setattr(packet, end, bytes(map(int, client.split("."))))
        return capture.judge(settings, seen([], talk), port=PORT).verdict

    def test_whose_address_arrived_is_told_apart(self):
        control, worker, pod = "172.18.0.2", "172.18.0.4", ANA
        assert [self.judge("source", client) for client in (control, worker, pod)] == [PASS, FAIL, FAIL]
        assert [self.judge("node", client) for client in (control, worker, pod)] == [FAIL, PASS, FAIL]
        assert [self.judge("anyone", client) for client in (control, worker, pod)] == [PASS, PASS, PASS]


class TestRefusals:
    def judge(self, shows, packets):
        settings = CaptureSettings(source="ana", target="carla", shows=shows, port="x")
        return capture.judge(settings, seen(packets), port=PORT).verdict

    def reset(self, sport):
        syn = segment(ANA, CARLA, sport, PORT, flags=2, seq=100)
        return [syn, segment(CARLA, ANA, PORT, sport, flags=20, seq=0, ack=101)]

    def test_a_students_refused_knock_counts_and_the_platforms_does_not(self):
        assert [self.judge("reset", self.reset(port)) for port in (40000, 20000)] == [PASS, FAIL]

    def test_so_it_is_with_icmp(self):
        told = [unreachable(CARLA, datagram(ANA, CARLA, port, PORT, b"x")) for port in (40000, 20000)]
        assert [self.judge("unreachable", [each]) for each in told] == [PASS, FAIL]


class TestSecrecy:
    """The source speaks to a balancer, 10.96.0.9, and the balancer from 10.244.1.9 to the target."""

    BALANCER, INSIDE = "10.96.0.9", "10.244.1.9"

    def judge(self, shows, near, far):
        settings = CaptureSettings(
            source="ana", target="carla", shows=shows, payload=WORD, address=self.BALANCER, via="443"
        )
        return capture.judge(settings, seen(near, far), port=PORT)

    def said(self, client, server, port, *texts, answered=b""):
        """A conversation in which the client sends these texts one after the other."""
        talk, seq = [], 101
        for number, text in enumerate(texts):
            talk.append(
                segment(client, server, 40000, port, flags=ACK | PUSH, seq=seq, ack=901, payload=text)
            )
            seq += len(text)
            reply = answered if number == 0 else b""
            talk.append(segment(server, client, port, 40000, flags=ACK, seq=901, ack=seq, payload=reply))
        return talk

    def tls(self):
        return self.said(
            ANA, self.BALANCER, 443, b"\x16\x03\x01hello", b"\x17\x03\x03data", answered=b"\x16\x03\x03"
        )

    def plain(self, server=BALANCER, port=443):
        return self.said(ANA, server, port, b"GET /" + NONCE)

    def arrival(self):
        return self.said(self.INSIDE, CARLA, PORT, b"GET /" + NONCE)

    def test_a_word_inside_tls_that_arrives_readable_was_sealed(self):
        found = self.judge("sealed", self.tls(), self.arrival())
        assert (found.verdict, found.evidence["records"]) == (PASS, 1)

    def test_a_word_that_left_readable_was_not_even_if_it_was_also_sent_by_tls(self):
        for leak in (self.plain(), self.plain(CARLA, PORT)):
            assert "in the clear" in self.judge("sealed", [*self.tls(), *leak], self.arrival()).reason["en"]

    def test_the_targets_own_word_is_nobodys_secret(self):
        """Somebody else brought it there: ana spoke no TLS, or long before."""
        assert self.judge("sealed", [], self.arrival()).verdict == FAIL
        early = [*self.tls(), *(ping() * 1000)]
        assert self.judge("sealed", self.tls(), [*(ping() * 1000), *self.arrival()]).verdict == FAIL
        assert self.judge("sealed", early, self.arrival()).verdict == PASS

    def test_what_did_not_arrive_proves_nothing(self):
        assert self.judge("sealed", self.tls(), []).verdict == FAIL
        assert self.judge("sealed", self.tls(), self.said(ANA, CARLA, PORT, NONCE)).verdict == FAIL

    def test_bytes_that_only_begin_like_a_handshake_are_no_tls(self):
        alone = self.said(ANA, self.BALANCER, 443, b"\x16\x03\x01hello", b"\x17\x03\x03data")
        assert self.judge("sealed", alone, self.arrival()).verdict == FAIL

    def test_in_the_clear_means_readable_on_both_links(self):
        assert self.judge("in-clear", self.plain(), self.arrival()).verdict == PASS
        assert self.judge("in-clear", self.plain(), []).verdict == FAIL
        assert self.judge("in-clear", self.tls(), self.arrival()).verdict == FAIL


class TestAnswer:
    def test_the_ttl_that_arrived_passes(self):
        assert verdict("ttl-answer", seen(ping(ttl=62)), "62") == PASS

    def test_another_ttl_fails_and_does_not_tell_the_right_one(self):
        wrong = finding("ttl-answer", seen(ping(ttl=62)), "64")
        assert wrong.verdict == FAIL
        assert "62" not in f"{wrong.reason} {wrong.evidence}"

    def test_no_answer_is_not_yet(self):
        assert verdict("ttl-answer", seen(ping())) == FAIL

    def test_an_answer_without_a_ping_is_not_yet(self):
        assert verdict("ttl-answer", seen([]), "62") == FAIL


def test_reasons_are_told_in_every_language():
    assert set(finding("echo-pair", seen([])).reason) == {"pt-br", "en"}


def test_a_capture_that_is_being_written_is_read_as_far_as_it_goes():
    whole = pcap(*ping(), *ping(seq=2))
    assert len(read_packets(whole[:-75])) == 3


@pytest.mark.parametrize("noise", [b"", b"no capture", b"\xd4\xc3\xb2\xa1"])
def test_what_is_no_capture_is_refused(noise):
    with pytest.raises(ValueError, match="capture"):
        read_packets(noise)


def test_unreadable_packets_are_left_out():
    broken = pcap(*ping()).replace(b"\x45\x00", b"\x4f\xff", 1)
    assert len(read_packets(broken)) <= 2
