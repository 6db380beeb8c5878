"""One datagram on every link of its way, and what is asked of it there."""

import asyncio

import pytest

from curriculum.enums import ConditionKind, Verdict
from curriculum.kinds import Proof
from k8s_tasks.checks import judge
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import read_packets
from tests.packets import ANA, CARLA, PLACES, PORT, datagram, pcap, stand_in

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED
WAY = ["ana", "node:1", "node:2", "carla"]
ASKED = {"source": "ana", "target": "carla", "port": str(PORT), "payload": "redes-k7m2xp"}


def sent(ttl=64, text=b"redes-k7m2xp\n", target=CARLA):
    packet = datagram(ANA, target, 40000, PORT, text)
    packet.ttl = ttl
    return packet


def along(*links):
    """An observation with these packets on the four links."""
    packets = {place: read_packets(pcap(*each)) for place, each in zip(WAY, links, strict=True)}
    return Observation(PLACES, packets)


def finding(seen, kind=ConditionKind.CAPTURE, answers=None, **settings):
    proof = Proof(kind=kind, settings={**ASKED, **settings})
    return asyncio.run(judge(proof, stand_in(seen, answers=answers or {})))


WHOLE = along([sent(64)], [sent(63)], [sent(63)], [sent(62)])


class TestHops:
    def test_a_datagram_on_all_links_passes_with_its_ttls(self):
        found = finding(WHOLE, shows="hops")
        assert found.verdict == PASS and "64, 63, 63, 62" in found.reason["en"]
        assert [hop["place"] for hop in found.evidence["hops"]] == WAY

    def test_a_word_to_somebody_else_is_not_yet(self):
        other = [sent(target="10.244.1.9")]
        assert "has been captured yet" in finding(along(other, [], [], []), shows="hops").reason["en"]

    def test_a_datagram_whose_ttl_ran_out_tells_where(self):
        found = finding(along([sent(2)], [sent(1)], [sent(1)], []), shows="hops")
        assert found.verdict == FAIL and "last seen at node:2" in found.reason["en"]

    def test_a_link_that_saw_nothing_of_what_arrived_decides_nothing(self):
        assert finding(along([sent(64)], [], [sent(63)], [sent(62)]), shows="hops").verdict == UNDECIDED


class TestAnswer:
    @pytest.mark.parametrize(
        ("at", "field", "answer"),
        [
            ("source", "ttl", "64"),
            ("target", "ttl", "62"),
            ("target-node", "target-mac", ":".join(["00"] * 6)),
        ],
    )
    def test_a_field_is_asked_where_it_was_captured(self, at, field, answer):
        settings = {"step": "a", "equals": "hop", "at": at, "field": field}
        assert finding(WHOLE, ConditionKind.ANSWER, {"a": answer}, **settings).verdict == PASS
        assert finding(WHOLE, ConditionKind.ANSWER, {"a": "63x"}, **settings).verdict == FAIL

    def test_before_anything_was_sent_there_is_nothing_to_compare_with(self):
        found = finding(along([], [], [], []), ConditionKind.ANSWER, {"a": "62"}, step="a", equals="hop")
        assert "Nothing to compare" in found.reason["en"]
