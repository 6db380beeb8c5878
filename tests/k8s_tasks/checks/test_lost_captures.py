"""What a capture that died would have shown is held against nobody."""

import asyncio
from dataclasses import replace

from curriculum.enums import ConditionKind, Verdict
from curriculum.specs import Condition
from curriculum.text import Text
from k8s_tasks.checks import judge_condition
from k8s_tasks.checks.finding import CaptureLost
from tests.packets import ping, seen, stand_in

FAIL, UNDECIDED = Verdict.FAIL, Verdict.UNDECIDED
AT = 1_000.0
PINGED = {"shows": "echo-pair", "source": "ana", "target": "carla"}
INSIDE = {"step": "ping", "seen": {"kind": "capture", "settings": PINGED}}


def verdict(observation, *, kind="capture", settings=PINGED, earlier=None, **facts):
    condition = Condition(
        key="pinged", kind=ConditionKind(kind), settings=settings, title=Text({"en": "Pinged"})
    )
    round = stand_in(observation, earlier={"pinged": earlier or {}}, **facts)
    finding = asyncio.run(judge_condition(condition, replace(round, about="pinged")))
    return finding.verdict, finding.evidence


def lost() -> dict:
    """The evidence of a verification that finds the capture dead."""
    found, evidence = verdict(seen(broken={"ana": CaptureLost("ana", AT)}))
    assert found == UNDECIDED
    return evidence


def test_it_stays_undecided_though_the_capture_runs_again():
    again, evidence = verdict(seen(), earlier=lost())
    assert (again, evidence) == (UNDECIDED, lost())
    assert verdict(seen())[0] == FAIL, "where no capture was lost"


def test_what_is_there_is_judged_whatever_was_lost():
    assert verdict(seen(ping()), earlier=lost())[0] == Verdict.PASS
    request, _reply = ping()
    assert verdict(seen([request]), earlier=lost())[0] == FAIL, "nobody answered: that was seen"


def test_a_step_that_was_done_again_is_judged_by_itself():
    inside = {"kind": "during", "settings": INSIDE, "earlier": lost()}
    assert verdict(seen(), **inside, spans={"ping": (AT - 9, AT - 8)})[0] == UNDECIDED
    assert verdict(seen(), **inside, spans={"ping": (AT + 1, AT + 2)})[0] == FAIL
