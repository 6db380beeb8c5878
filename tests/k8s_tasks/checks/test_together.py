"""Proofs put together: groups, absences with a control, and what was seen during or after a step."""

import asyncio
import math

from curriculum.enums import ConditionKind, Verdict
from curriculum.kinds import Proof
from curriculum.reasons import Reason
from k8s_tasks.checks import grouping, judge
from k8s_tasks.checks.finding import Broken, failed, passed
from tests.packets import NONCE, PORT, line, opening, ping, seen, stand_in

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED
ENDS = {"source": "ana", "target": "carla"}
PINGED = {"kind": "capture", "settings": {"shows": "echo-pair", **ENDS}}
SAID = {
    "kind": "capture",
    "settings": {"shows": "payload", "port": str(PORT), "payload": NONCE.decode().strip()},
}
SAID["settings"] |= ENDS
PINGS, WORDS = ping(), [*opening(), *line()]


def finding(kind, settings, observation, **facts):
    return asyncio.run(
        judge(Proof(kind=ConditionKind(kind), settings=settings), stand_in(observation, **facts))
    )


def verdict(*arguments, **facts) -> Verdict:
    return finding(*arguments, **facts).verdict


def test_all_passes_only_when_each_does_and_tells_the_one_that_fails():
    assert verdict("all", {"of": [PINGED, SAID]}, seen([*PINGS, *WORDS])) == PASS
    failed = finding("all", {"of": [PINGED, SAID]}, seen(PINGS))
    assert (failed.verdict, "has not received your word" in failed.reason["en"]) == (FAIL, True)


def test_all_tells_what_each_has_proven_and_of_many_the_last():
    seen_both = seen([*PINGS, *WORDS])
    told = finding("all", {"of": [PINGED, SAID]}, seen_both).reason
    each = [finding("all", {"of": [part]}, seen_both).reason for part in (PINGED, SAID)]
    assert told == {code: f"{each[0][code]} {each[1][code]}" for code in ("pt-br", "en")}
    assert finding("all", {"of": [PINGED, PINGED]}, seen_both).reason == each[0]
    assert finding("all", {"of": [PINGED, SAID, PINGED, SAID]}, seen_both).reason == each[1]


def test_all_looks_in_the_order_its_parts_stand(monkeypatch):
    """The second part is looked at when the first has come true, and not at all when it has not."""
    looked = []

    async def judge_one(proof, round):
        looked.append(proof.settings["shows"])
        return (
            failed(Reason.NOT_CAPTURED, "no") if proof.settings["shows"] == "payload" else passed("yes", {})
        )

    monkeypatch.setattr(grouping, "judge", judge_one)
    assert verdict("all", {"of": [PINGED, SAID, PINGED]}, seen()) == FAIL
    assert looked == ["echo-pair", "payload"]


def test_any_passes_with_one_of_them():
    assert verdict("any", {"of": [PINGED, SAID]}, seen(PINGS)) == PASS
    assert verdict("any", {"of": [PINGED, SAID]}, seen()) == FAIL


def test_any_does_not_look_at_what_stands_behind_a_pass():
    broken = {"kind": "capture", "settings": PINGED["settings"] | {"source": "nobody"}}
    assert verdict("any", {"of": [PINGED, broken]}, seen(PINGS)) == PASS
    assert verdict("any", {"of": [broken, PINGED]}, seen()) == UNDECIDED


def test_a_broken_part_leaves_the_whole_open_unless_another_decides_it():
    broken = seen(broken={"carla": Broken("tcpdump has died")})
    assert verdict("all", {"of": [PINGED, SAID]}, broken) == UNDECIDED
    assert verdict("any", {"of": [PINGED, SAID]}, broken) == UNDECIDED


def test_an_absence_counts_only_while_the_control_is_there():
    absent = {"proof": SAID, "control": PINGED}
    assert verdict("not", absent, seen(PINGS)) == PASS
    assert verdict("not", absent, seen([*PINGS, *WORDS])) == FAIL
    assert verdict("not", absent, seen()) == UNDECIDED


def test_an_absence_during_a_step_counts_when_the_step_has_ended():
    absent = {
        "proof": {"kind": "during", "settings": {"step": "attack", "seen": SAID}},
        "control": {"kind": "during", "settings": {"step": "attack", "seen": PINGED}},
    }
    going_on = finding("not", absent, seen(PINGS), spans={"attack": (0, math.inf)})
    assert (going_on.verdict, going_on.code) == (FAIL, "not-ended")
    assert verdict("not", absent, seen(PINGS), spans={"attack": (0, 1)}) == PASS


def test_an_absence_is_explained_in_each_language():
    reason = finding("not", {"proof": SAID, "control": PINGED}, seen([*PINGS, *WORDS])).reason
    assert reason["en"] != reason["pt-br"]
    assert "{" not in reason["en"]


def test_during_a_step_only_the_packets_of_its_time_count():
    shown = {"step": "attack", "seen": PINGED}
    packets = seen(PINGS)  # captured at 0.000 and 0.001
    assert verdict("during", shown, packets, spans={"attack": (0, 1)}) == PASS
    assert verdict("during", shown, packets, spans={"attack": (5, 9)}) == FAIL
    assert "not been run yet" in finding("during", shown, packets).reason["en"]


def test_after_a_step_only_what_came_later_counts():
    shown = {"step": "attack", "seen": PINGED}
    packets = seen(PINGS)
    assert verdict("after", shown, packets, spans={"attack": (-9, -5)}) == PASS
    assert verdict("after", shown, packets, spans={"attack": (-9, 5)}) == FAIL
    assert "not ended yet" in finding("after", shown, packets, spans={"attack": (-9, math.inf)}).reason["en"]
