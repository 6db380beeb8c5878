"""What became of a probe, read from the packets at both ends."""

from dataclasses import replace

import pytest

from curriculum.enums import Verdict
from curriculum.kinds import ReachSettings
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.observing import Place
from k8s_tasks.checks.probing import Outcome, Probe, outcome_of
from k8s_tasks.checks.reach import check_enforced, judge
from k8s_tasks.cluster.execs import Completed
from tests.packets import ACK, ANA, CARLA, PUSH, SYN, datagram, echo, seen, segment, stand_in, unreachable

DONE = Completed(b"", b"", 0)
RST = 4
NODE = "172.18.0.2"


def probe(protocol, **facts) -> Probe:
    return Probe("ana", "carla", protocol, **{"address": CARLA, "port": 80, "listens": 80, **facts})


def talk(sent: Probe, *, client=ANA, server=CARLA, to=80, says=True) -> list:
    """The segments of a whole conversation of the probe's, as seen at one end."""
    there, back = (client, server, sent.source_port, to), (server, client, to, sent.source_port)
    opening = [
        segment(*there, flags=SYN, seq=100),
        segment(*back, flags=SYN | ACK, seq=900, ack=101),
        segment(*there, flags=ACK, seq=101, ack=901),
    ]
    said = segment(*there, flags=ACK | PUSH, seq=101, ack=901, payload=sent.mark)
    return [*opening, said] if says else opening


def outcome(sent: Probe, near, far, told=DONE) -> Outcome:
    return outcome_of(sent, seen(near, far), told)


class TestPing:
    def stages(self, sent, count):
        request = echo(ANA, CARLA, payload=sent.mark * 2)
        reply = echo(CARLA, ANA, reply=True, payload=sent.mark * 2)
        near = [request, reply] if count == 4 else [request][:count]
        return near, [request, reply][: max(0, count - 1)]

    @pytest.mark.parametrize("count", range(5))
    def test_it_ends_where_it_was_last_seen(self, count):
        sent = probe("icmp")
        stage = ("unsent", "dropped", "silent", "lost", "reached")[count]
        assert outcome(sent, *self.stages(sent, count)) == stage

    def test_a_students_own_ping_is_no_probe(self):
        own = echo(ANA, CARLA, payload=b"x" * 40)
        assert outcome(probe("icmp"), [own], [own]) == Outcome.UNSENT


class TestTcp:
    def test_a_word_that_arrived_is_reached(self):
        sent = probe("tcp")
        assert outcome(sent, talk(sent), talk(sent)) == Outcome.REACHED

    def test_through_a_service_the_target_sees_other_addresses(self):
        sent = probe("tcp", address="10.96.0.20", port=8080)
        near = talk(sent, server="10.96.0.20", to=8080)
        assert outcome(sent, near, talk(sent, client="172.18.0.3")) == Outcome.REACHED

    def test_a_handshake_without_the_word_is_not_believed(self):
        sent = probe("tcp")
        assert outcome(sent, talk(sent, says=False), talk(sent, says=False)) == Outcome.SILENT

    def test_an_answer_in_the_targets_name_that_the_target_never_saw_is_no_reach(self):
        sent = probe("tcp")
        assert outcome(sent, talk(sent), []) == Outcome.DROPPED

    def test_a_reset_is_refused(self):
        sent = probe("tcp")
        syn = segment(ANA, CARLA, sent.source_port, 80, flags=SYN, seq=100)
        reset = segment(CARLA, ANA, 80, sent.source_port, flags=RST | ACK, seq=0, ack=101)
        assert outcome(sent, [syn, reset], [syn, reset]) == Outcome.REFUSED

    def test_a_service_without_endpoints_refuses_by_icmp(self):
        sent = probe("tcp", address="10.96.0.20")
        syn = segment(ANA, "10.96.0.20", sent.source_port, 80, flags=SYN, seq=100)
        assert outcome(sent, [syn, unreachable("10.244.1.1", syn)], []) == Outcome.REFUSED

    def test_a_syn_that_did_not_arrive_was_dropped_on_the_way(self):
        sent = probe("tcp")
        syn = segment(ANA, CARLA, sent.source_port, 80, flags=SYN, seq=100)
        assert outcome(sent, [syn], []) == Outcome.DROPPED
        assert outcome(sent, [syn], [syn]) == Outcome.SILENT

    def test_a_probe_that_never_left_says_nothing_of_the_way(self):
        assert outcome(probe("tcp"), [], []) == Outcome.UNSENT

    def test_from_a_node_the_targets_end_and_the_agents_own_tool_tell(self):
        sent = Probe("node:0", "carla", "tcp", CARLA, 80, 80)
        refused = Completed(
            b"", f"nc: connect to {CARLA} port 80 (tcp) failed: Connection refused".encode(), 1
        )
        assert outcome(sent, [], talk(sent, client=NODE)) == Outcome.REACHED
        assert outcome(sent, [], [], refused) == Outcome.REFUSED
        assert outcome(sent, [], []) == Outcome.DROPPED


class TestUdp:
    def test_a_datagram_is_found_by_its_mark(self):
        sent = probe("udp")
        ours = datagram(ANA, CARLA, sent.source_port, 80, sent.mark)
        assert outcome(sent, [ours], [ours]) == Outcome.REACHED
        assert outcome(sent, [ours], []) == Outcome.DROPPED
        assert outcome(sent, [], []) == Outcome.UNSENT

    def test_a_port_nobody_listens_on_is_refused_by_icmp(self):
        sent = probe("udp")
        ours = datagram(ANA, CARLA, sent.source_port, 80, sent.mark)
        assert outcome(sent, [ours, unreachable(CARLA, ours)], [ours]) == Outcome.REFUSED


def test_an_end_without_a_good_capture_decides_nothing():
    with pytest.raises(Broken, match="died"):
        outcome_of(probe("tcp"), seen([], broken={"carla": Broken("tcpdump has died")}), DONE)


@pytest.mark.parametrize(
    ("expect", "right"),
    [("reached", "reached"), ("refused", "refused"), ("dropped", "dropped"), ("blocked", "dropped")],
)
def test_only_what_was_expected_passes(expect, right):
    settings = ReachSettings(source="ana", target="carla", protocol="tcp", port="80", expect=expect)
    for outcome in Outcome:
        found = judge(settings, probe("tcp"), outcome, seen())
        assert found.verdict == (Verdict.PASS if outcome == right else Verdict.FAIL)


def test_a_node_is_told_by_its_name():
    settings = ReachSettings(source="node:0", target="carla", protocol="tcp", port="80")
    world = seen()
    world.places["node:0"] = Place("172.18.0.2", "redes-control-plane", "172.18.0.2")
    found = judge(settings, replace(probe("tcp"), source="node:0"), Outcome.REFUSED, world)
    assert "from redes-control-plane: nobody" in found.reason["en"]


def test_a_silence_proves_nothing_where_policies_were_not_proven_to_be_enforced():
    with pytest.raises(Broken, match="not proven to enforce"):
        check_enforced(stand_in(seen()))
    check_enforced(stand_in(seen(), capabilities={"networkpolicy": "present"}))
