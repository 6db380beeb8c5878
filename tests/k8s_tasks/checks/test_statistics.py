"""Verdicts on shares: what passes, what fails, and what is too little to tell."""

import pytest

from curriculum.enums import Verdict
from curriculum.kinds import AffinitySettings, BalanceSettings, LossSettings, RemapSettings
from curriculum.reasons import Reason
from curriculum.statistics import samples_needed
from k8s_tasks.checks import affinity, balance, loss, remap
from k8s_tasks.checks.finding import Broken, undecided
from k8s_tasks.checks.sampling import Arrivals, arrivals_in
from k8s_tasks.checks.shares import too_few
from tests.packets import ACK, ANA, CARLA, PUSH, datagram, seen, segment

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED
PODS = ("a", "b", "c")
VIP = {"source": "ana", "address": "web", "port": "80", "targets": PODS}


def loss_settings(samples=350, **facts) -> LossSettings:
    return LossSettings(
        **{"source": "ana", "target": "carla", "port": "53", "right": 0.3, "wrong": 0.2, **facts},
        samples=samples,
    )


def arrivals(*counts: int, lost: int = 0) -> Arrivals:
    """So many requests at each pod, numbered in turn."""
    numbers = iter(range(1, sum(counts) + 1))
    by_pod = {pod: {next(numbers) for _ in range(count)} for pod, count in zip(PODS, counts, strict=True)}
    return Arrivals(sum(counts) + lost, by_pod)


class TestLoss:
    def test_the_share_asked_for_passes_and_the_nearest_wrong_one_fails(self):
        assert loss.judge(loss_settings(), lost=105, refused=0).verdict == PASS
        assert loss.judge(loss_settings(), lost=70, refused=0).verdict == FAIL

    def test_too_few_samples_decide_nothing_and_say_how_many_it_takes(self):
        needed = samples_needed(loss_settings())
        with pytest.raises(Broken, match=f"it takes {needed}"):
            loss.judge(loss_settings(samples=60), lost=18, refused=0)

    def test_what_was_never_on_the_wire_was_not_lost_on_the_way(self):
        found = loss.judge(loss_settings(), lost=100, refused=40)
        assert found.verdict == FAIL
        assert "does carla listen?" in found.reason["en"]

    def test_no_loss_asked_for_is_a_share_as_well(self):
        settings = loss_settings(samples=200, right=0.0, wrong=0.05)
        assert loss.judge(settings, lost=0, refused=0).verdict == PASS
        assert loss.judge(settings, lost=10, refused=0).verdict == FAIL

    def test_the_reason_names_the_counts_that_would_fit(self):
        reason = loss.judge(loss_settings(samples=350), lost=0, refused=0).reason
        assert reason["en"].endswith("0 %. That does not fit a loss of 30 % (83–127 of 350).")
        assert "24,3 %" in loss.judge(loss_settings(samples=350), lost=85, refused=0).reason["pt-br"]
        nothing = loss_settings(samples=200, right=0.0, wrong=0.05)
        assert "fits a loss of 0 % (0 of 200)" in loss.judge(nothing, lost=0, refused=0).reason["en"]

    def test_the_evidence_says_how_it_was_decided(self):
        evidence = loss.judge(loss_settings(), lost=105, refused=0).evidence
        low, high = evidence["accepted"]
        assert low <= 105 <= high
        assert evidence["interval"][0] < 0.3 < evidence["interval"][1]


class TestBalance:
    settings = BalanceSettings(**VIP, samples=400, wrong=0.5)

    def test_even_shares_pass_and_a_favoured_replica_fails(self):
        assert balance.judge(self.settings, arrivals(133, 140, 127)).verdict == PASS
        assert balance.judge(self.settings, arrivals(200, 100, 100)).verdict == FAIL

    def test_a_request_that_no_replica_got_is_no_balance(self):
        found = balance.judge(self.settings, arrivals(133, 133, 130, lost=4))
        assert "4 of 400" in found.reason["en"]

    def test_too_few_requests_decide_nothing(self):
        with pytest.raises(Broken, match="too few"):
            balance.judge(self.settings, arrivals(4, 3, 3))


class TestAffinity:
    settings = AffinitySettings(**VIP, samples=20)

    def test_one_replica_for_all_passes_and_a_stray_fails(self):
        assert affinity.judge(self.settings, arrivals(20, 0, 0)).verdict == PASS
        assert affinity.judge(self.settings, arrivals(19, 1, 0)).verdict == FAIL

    def test_two_connections_prove_nothing(self):
        with pytest.raises(Broken, match="too few"):
            affinity.judge(self.settings, arrivals(2, 0, 0))


class TestRemap:
    settings = RemapSettings(**VIP, keys=400, before=2, after=3)

    def served(self, rule, keys=400) -> Arrivals:
        by_pod = {pod: set() for pod in PODS}
        for key in range(1, keys + 1):
            by_pod[PODS[rule(key)]].add(key)
        return Arrivals(keys, by_pod)

    def noted(self, rule) -> dict:
        return self.judged(rule).evidence["before"]

    def judged(self, rule, before=None):
        """With a rule that the balancer keeps to."""
        return remap.judge(self.settings, [self.served(rule)] * 2, before=before or {})

    def test_first_it_takes_down_who_serves_each_key(self):
        found = self.judged(lambda key: key % 2)
        assert found.verdict == FAIL
        assert len(found.evidence["before"]) == 400

    def test_a_third_of_the_keys_moves_to_the_new_replica(self):
        before = self.noted(lambda key: key % 2)
        assert self.judged(lambda key: 2 if key % 3 == 0 else key % 2, before).verdict == PASS

    def test_plain_modulo_moves_too_many(self):
        before = self.noted(lambda key: key % 2)
        found = self.judged(lambda key: key % 3, before)
        assert (found.code, found.evidence["before"]) == (Reason.WRONG_SHARE, before)

    def test_keys_on_their_way_to_another_order_are_neither_noted_nor_compared(self):
        before = self.noted(lambda key: key % 2)
        old, new = self.served(lambda key: key % 2), self.served(lambda key: (key + (key > 300)) % 2)
        found = remap.judge(self.settings, [old, new], before=before)
        assert (found.code, found.evidence["before"]) == (Reason.SCATTERED, before)
        assert "100 of 400 keys" in found.reason["en"]


def numbered(number: int, mark=b"rdsprobeabc") -> bytes:
    return b"GET /%s-%d. HTTP/1.1\r\n" % (mark, number)


def test_requests_are_counted_where_they_arrived_and_once_each():
    def request(number):
        head = {"flags": ACK | PUSH, "seq": number * 100, "ack": 1}
        return segment(ANA, CARLA, 40000 + number, 80, payload=numbered(number), **head)

    packets = [request(1), request(2), request(2), request(12)]
    found = arrivals_in(seen(packets, packets[:3]), "rdsprobeabc", 12, ["carla"])
    assert found.by_pod == {"carla": {1, 2}}


def test_datagrams_of_another_round_are_not_counted():
    ours, theirs = (
        datagram(ANA, CARLA, 4000, 53, b"rdsprobeabc-7."),
        datagram(ANA, CARLA, 4000, 53, b"rdsprobexyz-8."),
    )
    assert arrivals_in(seen([ours, theirs]), "rdsprobeabc", 9, ["carla"]).by_pod == {"carla": {7}}


def test_undecided_is_said_in_both_languages():
    found = undecided(too_few(3, 70))
    assert (found.verdict, set(found.reason)) == (UNDECIDED, {"pt-br", "en"})
