"""The error rates a verdict promises, by ten thousand simulated rounds of right and of wrong work."""

import random

import pytest

from curriculum.enums import Verdict
from curriculum.statistics import (
    ALPHA,
    BETA,
    Balance,
    Test,
    Undecidable,
    affinity_test,
    moved_keys,
    remap_test,
    share_moved,
    share_moved_by_modulo,
    wilson,
)

ROUNDS = 10_000
NOISE = 1.25  # of ten thousand rounds themselves, three standard deviations and some


def passing(test: Test, share: float, *, seed: int) -> float:
    """The part of simulated rounds that pass, at just the number of samples needed."""
    source = random.Random(seed)
    n = test.needed
    rounds = (sum(source.random() < share for _ in range(n)) for _ in range(ROUNDS))
    return sum(test.decide(hits, n) == Verdict.PASS for hits in rounds) / ROUNDS


@pytest.mark.parametrize(("right", "wrong"), [(0.3, 0.1), (0.3, 0.55), (0.5, 0.25), (0.0, 0.1), (1.0, 0.5)])
def test_the_error_rates_hold(right, wrong):
    test = Test(right, wrong)
    assert 1 - passing(test, right, seed=1) <= ALPHA * NOISE
    assert passing(test, wrong, seed=2) <= BETA * NOISE


def test_thirty_percent_against_twenty_takes_some_340_messages_against_ten_some_70():
    assert 320 <= Test(0.3, 0.2).needed <= 370
    assert 60 <= Test(0.3, 0.1).needed <= 90


def test_an_interval_that_contains_the_target_would_be_no_test():
    source = random.Random(3)
    rounds = [sum(source.random() < 0.2 for _ in range(200)) for _ in range(2000)]
    contains = [wilson(hits, 200)[0] <= 0.3 <= wilson(hits, 200)[1] for hits in rounds]
    assert sum(contains) / len(contains) > BETA


def test_both_sides_count():
    test = Test(0.3, 0.2)
    assert test.decide(round(0.6 * test.needed), test.needed) == Verdict.FAIL


def test_too_few_samples_decide_nothing():
    test = Test(0.3, 0.1)
    assert test.decide(3, 10) == Verdict.UNDECIDED
    assert test.decide(0, test.needed - 1) == Verdict.UNDECIDED


def test_more_samples_than_needed_keep_the_rates():
    test = Test(0.3, 0.1)
    assert max(test.errors(n) for n in range(test.needed, test.needed + 100)) <= BETA


@pytest.mark.parametrize("wrong", [0.3, 0.301])
def test_values_that_nobody_could_tell_apart_are_refused(wrong):
    with pytest.raises(Undecidable):
        _ = Test(0.3, wrong).needed


def share_out(source, weights, n) -> list[int]:
    drawn = source.choices(range(len(weights)), weights, k=n)
    return [drawn.count(replica) for replica in range(len(weights))]


def test_balance_over_replicas_keeps_the_rates():
    balance, source = Balance(3, wrong=0.1), random.Random(4)
    right = [balance.decide(share_out(source, [1, 1, 1], balance.needed)) for _ in range(ROUNDS)]
    wrong = [balance.decide(share_out(source, [0.1, 0.45, 0.45], balance.needed)) for _ in range(ROUNDS)]
    assert right.count(Verdict.FAIL) / ROUNDS <= ALPHA * NOISE
    assert wrong.count(Verdict.PASS) / ROUNDS <= BETA * NOISE


def test_round_robin_is_balanced_and_one_silent_replica_is_not():
    balance = Balance(3, wrong=0.0)
    n = balance.needed + 2
    assert balance.decide([n, n, n]) == Verdict.PASS
    assert balance.decide([3 * n // 2, 3 * n // 2, 0]) == Verdict.FAIL
    assert balance.decide([1, 1, 1]) == Verdict.UNDECIDED


def test_affinity_is_lost_with_one_connection_that_goes_elsewhere():
    test = affinity_test(2)
    assert test.needed == 5  # a coin that shows heads five times in a row is the first below 5 %
    assert test.decide(5, 5) == Verdict.PASS
    assert test.decide(4, 5) == Verdict.FAIL


def test_consistent_hashing_moves_one_key_in_four_when_a_fourth_server_joins():
    assert share_moved(3, 4) == share_moved(4, 3) == 1 / 4
    assert share_moved_by_modulo(3, 4) == pytest.approx(3 / 4)


def test_keys_moved_by_a_ring_pass_and_by_modulo_fail():
    test, source = remap_test(3, 4), random.Random(5)
    keys = [source.randrange(10**6) for _ in range(test.needed + 200)]
    before = {key: str(key % 3) for key in keys}
    ring = {key: "3" if source.random() < 0.28 else before[key] for key in keys}
    assert test.decide(*moved_keys(before, ring)) == Verdict.PASS
    assert test.decide(*moved_keys(before, {key: str(key % 4) for key in keys})) == Verdict.FAIL


def test_only_keys_seen_both_times_can_have_moved():
    assert moved_keys({"a": "x", "b": "x"}, {"b": "y", "c": "y"}) == (1, 1)


def test_the_interval_of_nothing_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)
    low, high = wilson(60, 200)
    assert (round(low, 3), round(high, 3)) == (0.241, 0.367)
