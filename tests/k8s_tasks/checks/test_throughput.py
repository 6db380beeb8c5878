"""What held a transfer back, by packets of both ends: RTT, loss, window, throughput, and their bound."""

import pytest

from curriculum.enums import Verdict
from curriculum.kinds import ThroughputSettings
from k8s_tasks.checks.observing import Observation
from k8s_tasks.checks.packets import Segment, read_packets
from k8s_tasks.checks.throughput import judge
from tests.packets import ACK, ANA, CARLA, NONCE, PLACES, PORT, SYN, pcap, segment

MSS, RTT, WINDOW, SCALE = 1000, 0.040, 20_000, 4
WORD = NONCE.decode().strip()


def told(at, source, seq, ack, *, length=0, payload=b"", **flags) -> Segment:
    here, there = (CARLA, ANA) if source == CARLA else (ANA, CARLA)
    ports = (PORT, 40000) if source == CARLA else (40000, PORT)
    bits = {"is_syn": False, "is_ack": True, "is_rst": False, "is_fin": False, "scale": 0, **flags}
    return Segment(
        at, here, there, 62, *ports, seq, ack, length=length, payload=payload, window=WINDOW >> SCALE, **bits
    )


def transfer(*, windows=50, rtt=RTT, lose_every=0, ended=True) -> dict[str, list[Segment]]:
    """A window's segments in each RTT; of what is lost, a copy follows an RTT later."""
    near = [
        told(0, ANA, 99, 0, is_syn=True, is_ack=False),
        told(rtt, CARLA, 899, 100, is_syn=True, scale=SCALE),
        told(rtt, ANA, 100, 900),
    ]
    far, at, number = list(near), rtt, 0
    for _window in range(windows):
        for place in range(WINDOW // MSS):
            seq = 100 + number * MSS
            sent = told(at + place * 1e-5, ANA, seq, 900, length=MSS, payload=NONCE if not number else b"\0")
            number += 1
            near.append(sent)
            if lose_every and number % lose_every == 0:
                near.append(sent._replace(at=sent.at + rtt))
            far.append(sent)
            near.append(told(sent.at + rtt, CARLA, 900, seq + MSS))
        at += rtt
    if ended:
        near.append(told(at, ANA, 100 + number * MSS, 900, is_fin=True))
    return {"ana": sorted(near, key=lambda each: each.at), "carla": far}


def verdict_of(packets, *, megabits=0.0, **settings):
    wanted = {"bound": "window", "lowest": 0.7, "highest": 1.1, **settings}
    wanted = ThroughputSettings(source="ana", target="carla", port=str(PORT), payload=WORD, **wanted)
    return judge(wanted, Observation(PLACES, packets), port=PORT, payload=WORD, megabits=megabits)


def test_a_transfer_that_fills_its_window_each_rtt_is_held_by_it():
    finding = verdict_of(transfer())
    assert finding.verdict == Verdict.PASS
    assert finding.evidence["window"] == WINDOW
    assert finding.evidence["rtt_ms"] == pytest.approx(40, abs=0.1)
    assert finding.evidence["bound_mbit"] == pytest.approx(4.0, abs=0.01)
    assert finding.evidence["rate_mbit"] == pytest.approx(4.0, abs=0.1)


def test_half_the_window_is_not_its_bound():
    finding = verdict_of(transfer(), lowest=1.5, highest=2.5)
    assert (finding.verdict, finding.code) == (Verdict.FAIL, "off-bound")


@pytest.mark.parametrize(
    "settings",
    [{"shortest_rtt": 70}, {"longest_rtt": 20}, {"least_loss": 0.003}],
    ids=lambda each: next(iter(each)),
)
def test_another_path_is_told_before_the_throughput(settings):
    finding = verdict_of(transfer(), **settings)
    assert (finding.verdict, finding.code) == (Verdict.FAIL, "other-path")


def test_what_left_and_did_not_arrive_is_the_loss():
    finding = verdict_of(
        transfer(lose_every=100), bound="loss", lowest=0.1, highest=2, least_loss=0.003, most_loss=0.02
    )
    assert finding.verdict == Verdict.PASS
    assert finding.evidence["loss"] == pytest.approx(1 / 101, abs=1e-4)
    # 1.22 * 1000 / (0.040 * sqrt(1 / 101)) bytes a second
    assert finding.evidence["bound_mbit"] == pytest.approx(2.45, abs=0.01)


def test_without_loss_nothing_is_held_by_it():
    assert verdict_of(transfer(), bound="loss").code == "off-bound"


def test_a_segment_that_was_sent_twice_tells_nothing_of_the_rtt():
    finding = verdict_of(transfer(lose_every=1), lowest=0, highest=9)
    assert (finding.verdict, finding.code) == (Verdict.FAIL, "not-captured")


def test_a_rate_that_was_asked_for():
    assert verdict_of(transfer(), bound="rate", megabits=4).verdict == Verdict.PASS
    assert verdict_of(transfer(), bound="rate", megabits=8).code == "off-bound"


def test_a_transfer_that_goes_on_is_not_judged():
    assert verdict_of(transfer(ended=False)).code == "not-ended"


def test_a_few_segments_are_too_few():
    assert verdict_of(transfer(windows=2)).code == "not-captured"


def test_nothing_was_sent():
    assert verdict_of({"ana": [], "carla": []}).code == "not-captured"


def test_a_transfer_seen_at_one_end_only_is_not_judged():
    with pytest.raises(Exception, match="captured at ana but not at carla"):
        verdict_of(transfer() | {"carla": []})


def test_the_windows_scale_stands_in_the_options_of_a_syn():
    packet = segment(ANA, CARLA, 40000, PORT, flags=SYN, seq=1)
    packet.data.opts = bytes([2, 4, 5, 180, 1, 3, 3, 7])
    packet.data.off = 7
    packet.len = len(packet)
    (found,) = read_packets(pcap(packet))
    assert (found.scale, found.window, found.length) == (7, 65535, 0)


def test_no_scale_is_larger_than_tcp_allows():
    packet = segment(ANA, CARLA, 40000, PORT, flags=SYN | ACK, seq=1)
    packet.data.opts = bytes([8, 0, 8, 0, 3, 3, 255, 255])
    packet.data.off = 7
    packet.len = len(packet)
    (found,) = read_packets(pcap(packet))
    assert found.scale == 14
