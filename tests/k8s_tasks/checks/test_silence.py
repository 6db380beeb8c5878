"""A silence that was timed by hand, held against the times at which a word arrived at any of the replicas."""

import pytest

from curriculum.enums import Verdict
from k8s_tasks.checks.answer import judge_silence, longest_silence
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import read_packets
from tests.packets import NONCE, PLACES, PORT, line, opening, pcap

WORD = NONCE.decode().strip()


def words_at(*times: float) -> list:
    """What the target's link shows of conversations whose word arrives at these times, in milliseconds."""
    found = []
    for number, time in enumerate(times):
        packets = read_packets(pcap(*opening(40000 + number), *line(sport=40000 + number)))
        shift = time / 1000 - packets[3].at
        found += [each._replace(at=each.at + shift) for each in packets]
    return found


def longest(*times: float) -> float | None:
    observation = Observation(PLACES, {"carla": words_at(*times)})
    return longest_silence(["carla"], observation, port=PORT, payload=WORD)


def test_the_longest_time_between_two_arrivals_counts():
    assert longest(0, 100, 5400, 5500) == pytest.approx(5300)


def test_a_word_that_came_once_was_not_interrupted():
    assert longest(100) is None


@pytest.mark.parametrize(
    ("answer", "right"),
    [("5300", True), ("5000", True), ("5700", True), ("4700", False), ("5900", False), ("no idea", False)],
)
def test_a_figure_may_be_a_tenth_off(answer, right):
    assert judge_silence(5300, answer).verdict == (Verdict.PASS if right else Verdict.FAIL)


def test_nothing_is_said_of_a_silence_that_was_not_there():
    assert judge_silence(None, "5000").code == "nothing-to-compare"
