"""The verdict on a whole matrix, from what became of each probe."""

import pytest

from curriculum.enums import Verdict
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.matrix import Cell, judge
from k8s_tasks.checks.policies import Ruling, Side
from k8s_tasks.checks.probing import Outcome, Probe

OPEN = Ruling(Side("a", (), None), Side("b", (), None))
SHUT = Ruling(Side("a", (), None), Side("b", ("deny",), None))
DEAF = Broken("%(pod)s is deaf", pod="b")


def cell(wanted, outcome, ruling=OPEN, trouble=None, source="a") -> Cell:
    return Cell(Probe(source, "b", "tcp", "10.0.0.1", 80, 80), wanted, Outcome(outcome), ruling, trouble)


def verdict(*cells) -> Verdict:
    return judge(list(cells)).verdict


def test_all_pairs_as_they_must_be_pass():
    found = judge([cell(True, "reached"), cell(False, "dropped", SHUT, source="c")])
    assert (found.verdict, "1 pass and 1 are blocked" in found.reason["en"]) == (Verdict.PASS, True)


def test_a_pair_that_passes_and_must_not_is_named_with_the_reason():
    found = judge([cell(False, "reached")])
    assert "a reached b on tcp port 80, and must be blocked; no policy isolates b." in found.reason["en"]


def test_a_pair_that_is_blocked_and_must_pass_names_the_policy():
    found = judge([cell(True, "dropped", SHUT)])
    assert "did not; deny isolates b and no rule lets this pass." in found.reason["en"]


def test_a_silence_whose_control_was_silent_too_decides_nothing():
    assert verdict(cell(False, "dropped", SHUT, DEAF)) == Verdict.UNDECIDED
    assert verdict(cell(True, "dropped", SHUT, DEAF)) == Verdict.UNDECIDED


def test_a_wrong_pair_outweighs_an_unclear_one():
    assert verdict(cell(False, "dropped", SHUT, DEAF), cell(False, "reached")) == Verdict.FAIL


def test_a_refusal_is_not_a_block():
    found = judge([cell(False, "refused")])
    assert (found.verdict, "nobody listens there" in found.reason["en"]) == (Verdict.FAIL, True)


def test_wire_and_spec_may_differ_and_it_is_said():
    found = judge([cell(True, "dropped")])
    assert "did not, though no policy isolates b" in found.reason["en"]
    assert found.evidence["matrix"]["a"]["b"]["differs"]


def test_many_wrong_pairs_are_counted_and_three_are_told():
    found = judge([cell(False, "reached", source=f"p{number}") for number in range(9)])
    assert found.reason["en"].startswith("9 of 9 pairs are not as they must be.")
    assert found.reason["en"].count("must be blocked") == 3


@pytest.mark.parametrize(
    ("must_pass", "outcome", "wanted"),
    [
        (True, "reached", Verdict.PASS),
        (True, "dropped", Verdict.FAIL),
        (True, "silent", Verdict.FAIL),
        (True, "unsent", Verdict.UNDECIDED),
        (False, "dropped", Verdict.PASS),
        (False, "silent", Verdict.UNDECIDED),
        (False, "lost", Verdict.UNDECIDED),
        (False, "unsent", Verdict.UNDECIDED),
    ],
)
def test_a_block_is_a_packet_that_left_and_did_not_arrive(must_pass, outcome, wanted):
    assert verdict(cell(must_pass, outcome, OPEN if must_pass else SHUT)) == wanted


def test_a_packet_that_vanished_while_no_policy_forbids_it_is_no_block():
    """A student could let the probe die one router away, by a small TTL or a false route."""
    found = judge([cell(False, "dropped", OPEN)])
    assert (found.verdict, "no NetworkPolicy forbids it" in found.reason["en"]) == (Verdict.UNDECIDED, True)
