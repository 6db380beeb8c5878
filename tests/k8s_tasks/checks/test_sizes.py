"""Pings in pieces, pings refused as too big, pings that came through whole."""

import asyncio

from curriculum.enums import ConditionKind, Verdict
from curriculum.kinds import Proof
from k8s_tasks.checks import judge
from k8s_tasks.checks.observing import MARK
from tests.packets import ANA, CARLA, echo, seen, stand_in, unreachable

PASS, FAIL = Verdict.PASS, Verdict.FAIL
ROUTER = "172.18.0.4"
MTU = 900


def sized(size, *, whole=True, piece=False, **facts):
    """An echo request of `size` bytes, its IP header included."""
    packet = echo(ANA, CARLA, payload=facts.pop("payload", b"x" * (size - 28)), **facts)
    packet.df, packet.mf = int(whole), int(piece)
    return packet


def refusal(mtu=MTU):
    told = unreachable(ROUTER, sized(1500), code=4)
    told.data.data.mtu = mtu
    return told


def finding(shows, observation, size=""):
    settings = {"source": "ana", "target": "carla", "shows": shows, "size": size}
    proof = Proof(kind=ConditionKind.CAPTURE, settings=settings)
    return asyncio.run(judge(proof, stand_in(observation, values={"mtu": MTU})))


class TestPieces:
    def test_a_request_that_came_in_pieces(self):
        found = finding("pieces", seen([sized(1500, whole=False)], [sized(900, whole=False, piece=True)]))
        assert found.verdict == PASS and found.evidence["first_piece"]["size"] == 900

    def test_a_whole_one_is_no_piece(self):
        assert finding("pieces", seen([sized(1500, whole=False)])).verdict == FAIL

    def test_pieces_that_the_source_never_sent_do_not_count(self):
        assert finding("pieces", seen([], [sized(900, whole=False, piece=True)])).verdict == FAIL


class TestTooBig:
    def test_icmps_word_of_the_right_mtu(self):
        found = finding("too-big", seen([refusal()], []), "${mtu}")
        assert found.verdict == PASS and found.evidence["mtu"] == MTU and ROUTER in found.reason["en"]

    def test_another_mtu_or_another_code_is_not_it(self):
        for other in (refusal(1400), unreachable(ROUTER, sized(1500), code=3)):
            assert finding("too-big", seen([other], []), "${mtu}").verdict == FAIL


class TestWhole:
    def test_the_largest_that_fits(self):
        assert finding("whole", seen([sized(MTU)]), "${mtu}").verdict == PASS

    def test_a_smaller_one_leaves_room_and_does_not_tell_how_much(self):
        found = finding("whole", seen([sized(880)]), "${mtu}")
        assert found.verdict == FAIL and "880" in found.reason["en"] and "900" not in str(found)

    def test_one_that_may_be_cut_or_did_not_arrive_or_is_the_platforms_does_not_count(self):
        probe = sized(MTU, payload=MARK + b"x" * (MTU - 28 - len(MARK)))
        for near, far in (([sized(MTU, whole=False)],) * 2, ([sized(MTU)], []), ([probe], [probe])):
            assert "No packet that may not be cut" in finding("whole", seen(near, far), "${mtu}").reason["en"]
