"""One finding per condition, by the module of its kind."""

import importlib
import logging

from django.utils.translation import gettext_noop as _

from curriculum.enums import ConditionKind
from curriculum.kinds import Proof
from curriculum.reasons import Reason
from curriculum.specs import Condition
from k8s_tasks.checks.finding import Broken, CaptureLost, Finding, undecided
from k8s_tasks.checks.round import Round

logger = logging.getLogger(__name__)

# By name, for a proof may hold proofs: the modules that put others together ask for `judge` themselves.
_CHECKS = {
    ConditionKind.REACH: "reach.check",
    ConditionKind.MATRIX: "matrix.check",
    ConditionKind.OBJECT: "objects.check",
    ConditionKind.COMMAND: "command.check",
    ConditionKind.LOSS: "loss.check",
    ConditionKind.BALANCE: "balance.check",
    ConditionKind.AFFINITY: "affinity.check",
    ConditionKind.REMAP: "remap.check",
    ConditionKind.RATE: "rate.check",
    ConditionKind.CAPTURE: "capture.check",
    ConditionKind.THROUGHPUT: "throughput.check",
    ConditionKind.TLS: "tls.check",
    ConditionKind.DNS: "dns.check",
    ConditionKind.ANSWER: "answer.check",
    ConditionKind.ALL: "grouping.check_all",
    ConditionKind.ANY: "grouping.check_any",
    ConditionKind.NOT: "grouping.check_not",
    ConditionKind.DURING: "timing.check_during",
    ConditionKind.AFTER: "timing.check_after",
}

_UNSEEN = (Reason.NOT_CAPTURED, Reason.NOTHING_TO_COMPARE)


async def judge_condition(condition: Condition, round: Round) -> Finding:
    """A finding for a condition of the lab, whom `round` is about. What was lost with a capture is held
    against nobody: its condition stays undecided until there is something to judge, or the step in whose
    time it looks was done again."""
    finding = await judge(condition, round)
    lost = round.earlier.get("lost")
    if (
        not lost
        or finding.code not in _UNSEEN
        or finding.evidence.get("time", {}).get("from", 0) > lost["at"]
    ):
        return finding
    return undecided(CaptureLost(**lost))


async def judge(proof: Proof, round: Round) -> Finding:
    """Undecided where the platform could not look."""
    try:
        return await _check_of(proof.kind)(proof.parsed, round)
    except Broken as broken:
        return undecided(broken)
    except Exception:
        # One condition that breaks must not take the others' verdicts with it.
        logger.exception("a condition of kind %s could not be judged", proof.kind)
        return undecided(Broken(_("The platform failed to verify.")))


def _check_of(kind: ConditionKind):
    module, function = _CHECKS[kind].split(".")
    return getattr(importlib.import_module(f"k8s_tasks.checks.{module}"), function)
