"""Judging what the network decides by chance: loss, balance, keys that move.

A lab says the right value and the nearest wrong one, and the verdict is a test between the two:
right work fails in at most 1 % of the rounds, work that is wrong by so much passes in at most 5 %.
That takes a certain number of samples; with fewer nothing is decided. "The 95 % interval contains
30 %" is no such test: of right work it fails one in twenty, and of 20 % loss, at 200 messages, it
passes one in ten. All probabilities are exact binomial sums; no approximation hides in a verdict.
"""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from curriculum.enums import Verdict
from curriculum.kinds import AffinitySettings, BalanceSettings, LossSettings, RemapSettings

ALPHA = 0.01  # right work that fails
BETA = 0.05  # work that is wrong by the nearest value and passes
MOST_SAMPLES = 5000  # a lab that needs more is none
RING_SLACK = 0.25  # of the share: hash rings of 160 points per server give shares that far apart
_NORMAL_95 = 1.959964


class Undecidable(ValueError):
    """No number of samples that a lab could take tells the two apart."""


@dataclass(frozen=True)
class Test:
    """Between the right share and the nearest wrong one. `slack` is how far from `right` the truth
    may lie and still be right; `sides` is how many cuts share the 1 %."""

    right: float
    wrong: float
    slack: float = 0.0
    sides: int = 2

    __test__ = False  # no test case, for pytest

    @cached_property
    def needed(self) -> int:
        """The number of samples from which on both error rates hold. Raises Undecidable."""
        return _needed(self)

    def accepted(self, n: int) -> tuple[int, int]:
        """The fewest and the most hits among `n` that pass."""
        lowest, highest = max(0.0, self.right - self.slack), min(1.0, self.right + self.slack)
        tail = ALPHA / self.sides
        return _lower_cut(n, lowest, tail), n - _lower_cut(n, 1 - highest, tail)

    def errors(self, n: int) -> float:
        """How likely `n` samples of the wrong share are to pass."""
        low, high = self.accepted(n)
        return _between(n, self.wrong, low, high)

    def decide(self, hits: int, n: int) -> Verdict:
        if n < self.needed:
            return Verdict.UNDECIDED
        low, high = self.accepted(n)
        return Verdict.PASS if low <= hits <= high else Verdict.FAIL


@dataclass(frozen=True)
class Balance:
    """Whether `replicas` share evenly; the nearest wrong one gets the share `wrong`."""

    replicas: int
    wrong: float

    @cached_property
    def each(self) -> Test:
        """The test of one replica: all of them together keep the 1 %."""
        return Test(1 / self.replicas, self.wrong, sides=2 * self.replicas)

    @property
    def needed(self) -> int:
        return self.each.needed

    def decide(self, counts: Sequence[int]) -> Verdict:
        n = sum(counts)
        verdicts = {self.each.decide(count, n) for count in counts}
        return verdicts.pop() if len(verdicts) == 1 else Verdict.FAIL


def test_of(settings):
    """The test that decides a statistical condition, or None of one that is none."""
    if isinstance(settings, LossSettings):
        return Test(settings.right, settings.wrong)
    if isinstance(settings, BalanceSettings):
        return Balance(len(settings.targets), settings.wrong)
    if isinstance(settings, AffinitySettings):
        return affinity_test(len(settings.targets))
    return remap_test(settings.before, settings.after) if isinstance(settings, RemapSettings) else None


test_of.__test__ = False  # no test, for pytest


def samples_needed(settings) -> int:
    """How many samples a condition needs; 0 when it is not statistical. Raises Undecidable."""
    test = test_of(settings)
    return test.needed if test else 0


def affinity_test(replicas: int) -> Test:
    """Whether every connection after the first reaches the first one's replica, against even chance."""
    return Test(1.0, 1 / replicas)


def remap_test(before: int, after: int) -> Test:
    """The share of keys that move when the servers become more or fewer: what consistent hashing
    moves, against what `hash modulo servers` moves."""
    return Test(share_moved(before, after), share_moved_by_modulo(before, after), _ring_slack(before, after))


def share_moved(before: int, after: int) -> float:
    """1/(n+1) when one server joins n, 1/n when one of n leaves."""
    return abs(after - before) / max(before, after)


def share_moved_by_modulo(before: int, after: int) -> float:
    """A key stays where both remainders are the same: for n and n+1 one key in n+1."""
    round_trip = math.lcm(before, after)
    return sum(key % before != key % after for key in range(round_trip)) / round_trip


def _ring_slack(before: int, after: int) -> float:
    return RING_SLACK * share_moved(before, after)


def moved_keys(before: Mapping[Hashable, str], after: Mapping[Hashable, str]) -> tuple[int, int]:
    """How many keys are served by another server than before, of those seen both times."""
    both = before.keys() & after.keys()
    return sum(before[key] != after[key] for key in both), len(both)


def wilson(hits: int, n: int) -> tuple[float, float]:
    """The 95 % interval of a share, to be shown; nothing is decided by it."""
    if n == 0:
        return 0.0, 1.0
    share, z = hits / n, _NORMAL_95
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z * z / n)), min(1.0, (middle + half) / (1 + z * z / n))


@lru_cache(maxsize=256)
def _needed(test: Test) -> int:
    # Counts are whole, so the rate falls in a saw's teeth: what counts is the last one that is too long.
    most = round(2 * _estimate(test)) + 60
    wrong = [n for n in range(1, most) if test.errors(n) > BETA]
    return wrong[-1] + 1 if wrong else 1


def _estimate(test: Test) -> float:
    """The number needed if counts were bell curves. Raises Undecidable."""
    gap = abs(test.wrong - test.right) - test.slack
    spreads = [math.sqrt(share * (1 - share)) for share in (test.right, test.wrong)]
    estimate = ((3.5 * spreads[0] + 1.7 * spreads[1]) / gap) ** 2 if gap > 0 else math.inf
    if estimate > MOST_SAMPLES:
        raise Undecidable(f"{test.wrong:g} is too near to {test.right:g} to be told from it")
    return estimate


def _lower_cut(n: int, share: float, tail: float) -> int:
    """The largest number of hits that fewer hits than it have at most the probability `tail`."""
    below, spread = 0.0, math.sqrt(n * share * (1 - share))
    # Twelve spreads below the middle nothing is left that a double beside `tail` would feel.
    for hits in range(max(0, math.floor(n * share - 12 * spread) - 1), n + 1):
        below += _binomial(n, share, hits)
        if below > tail:
            return hits
    return n


def _between(n: int, share: float, low: int, high: int) -> float:
    return math.fsum(_binomial(n, share, hits) for hits in range(low, high + 1))


def _binomial(n: int, share: float, hits: int) -> float:
    """The probability of so many hits."""
    if share <= 0 or share >= 1:
        return float(hits == (n if share >= 1 else 0))
    ways = math.lgamma(n + 1) - math.lgamma(hits + 1) - math.lgamma(n - hits + 1)
    return math.exp(ways + hits * math.log(share) + (n - hits) * math.log1p(-share))
