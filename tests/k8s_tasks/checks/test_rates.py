"""At what rate something arrived, and how long a TLS handshake took, from packets."""

import pytest

from curriculum.enums import Verdict
from curriculum.kinds import RateSettings
from curriculum.reasons import Reason
from k8s_tasks.checks import answer, rate
from k8s_tasks.checks.latency import tls_ready_ms
from tests.packets import ACK, ANA, CARLA, FIN, PORT, PUSH, opening, seen, segment

HELLO, ENCRYPTED = b"\x16\x03\x01\x00\x05hello", b"\x17\x03\x03\x00\x05bytes"
THERE, BACK = (ANA, CARLA, 40000, PORT), (CARLA, ANA, PORT, 40000)
WORD, LEFT = b"bulk-a7\n", 1000


def settings(**facts) -> RateSettings:
    wanted = {"lowest": 7000, "highest": 9000, "least_bytes": 10_000}  # 1000 bytes each millisecond
    return RateSettings(
        source="ana", target="carla", port=str(PORT), payload="bulk-a7", **{**wanted, **facts}
    )


def upload(pieces: int = 20, *, acknowledged: bool = True) -> list:
    """A thousand bytes a millisecond, as `pcap` writes its packets."""
    first = segment(*THERE, flags=ACK | PUSH, seq=101, ack=901, payload=WORD + b"x" * (LEFT - len(WORD)))
    more = [
        segment(*THERE, flags=ACK, seq=101 + n * LEFT, ack=901, payload=b"x" * LEFT) for n in range(1, pieces)
    ]
    end = 101 + pieces * LEFT
    closing = [segment(*THERE, flags=ACK | FIN, seq=end, ack=901)]
    answered = [segment(*BACK, flags=ACK, seq=901, ack=end + 1)] if acknowledged else []
    return [*opening(), first, *more, *closing, *answered]


def judge(packets: list, **facts):
    return rate.judge(settings(**facts), seen(packets), port=PORT, payload="bulk-a7")


def test_the_rate_is_what_came_divided_by_the_time_it_took():
    found = judge(upload())
    assert (found.verdict, found.evidence["bytes"]) == (Verdict.PASS, 20_000)
    assert found.evidence["kbit_s"] == pytest.approx(20_000 * 8 / 19, rel=0.01)


@pytest.mark.parametrize("limits", [{"highest": 8000}, {"lowest": 9000, "highest": 9500}])
def test_faster_and_slower_than_asked_for_both_fail(limits):
    assert judge(upload(), **limits).code == Reason.WRONG_RATE


def test_too_little_says_nothing_of_a_rate_and_neither_does_what_is_not_over():
    assert judge(upload(5)).code == Reason.NOT_ACKNOWLEDGED
    assert judge(upload(acknowledged=False)).code == Reason.NOT_ACKNOWLEDGED


def test_another_word_is_another_conversation():
    found = rate.judge(settings(), seen(upload()), port=PORT, payload="bulk-other")
    assert found.code == Reason.NOT_CAPTURED


def handshake() -> list:
    """SYN at 0 ms, the server's words at 4 ms, the client's first encrypted record at 6 ms."""
    return [
        *opening(),
        segment(*THERE, flags=ACK | PUSH, seq=101, ack=901, payload=HELLO),
        segment(*BACK, flags=ACK | PUSH, seq=901, ack=111, payload=HELLO + ENCRYPTED),
        segment(*THERE, flags=ACK, seq=111, ack=921),
        segment(*THERE, flags=ACK | PUSH, seq=111, ack=921, payload=ENCRYPTED),
        segment(*THERE, flags=ACK | PUSH, seq=121, ack=921, payload=ENCRYPTED),
    ]


def test_tls_is_ready_with_the_clients_first_encrypted_record():
    assert tls_ready_ms("ana", (CARLA, PORT), seen(handshake())) == pytest.approx(6, abs=0.1)


@pytest.mark.parametrize("length", [0, 3, 4, 5, 6])
def test_what_has_not_come_to_its_end_is_no_handshake(length):
    assert tls_ready_ms("ana", (CARLA, PORT), seen(handshake()[:length])) is None


def test_a_measured_number_may_be_a_little_off():
    assert answer.judge_number(300.0, "310", 0.15).verdict == Verdict.PASS
    assert answer.judge_number(300.0, "150", 0.15).code == Reason.WRONG_ANSWER
    assert answer.judge_number(300.0, "450", 0.15).code == Reason.WRONG_ANSWER
    assert answer.judge_number(None, "300", 0.15).code == Reason.NOTHING_TO_COMPARE
