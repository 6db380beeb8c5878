"""Proofs put together: all of them, any of them, not this one while a control holds."""

import asyncio
import math
from dataclasses import replace

from django.utils.translation import gettext_noop as _

from curriculum.enums import ConditionKind, Verdict
from curriculum.kinds import GroupSettings, NotSettings, Proof, inner_proofs
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.judging import judge
from k8s_tasks.checks.round import Round

# Sentences that a student still reads to the end.
TOLD_TOGETHER = 3


async def check_all(settings: GroupSettings, round: Round) -> Finding:
    """The first failure is the reason; without one, the first that is undecided. One after the other, as they
    stand: what a policy cuts off besides is seen only once the policy is in force."""
    findings = []
    for proof in settings.of:
        findings.append(await judge(proof, round))
        if findings[-1].verdict == Verdict.FAIL:
            return findings[-1]
    telling = _first(findings, Verdict.UNDECIDED)
    return telling or Finding(Verdict.PASS, _all_reasons(findings), _all_evidence(findings))


async def check_any(settings: GroupSettings, round: Round) -> Finding:
    """The first pass is the reason, and what stands behind it is not looked at: it may send hundreds of
    packets. Without a pass it is undecided as long as one of them is."""
    findings = []
    for proof in settings.of:
        finding = await judge(proof, round)
        if finding.verdict == Verdict.PASS:
            return finding
        findings.append(finding)
    telling = _first(findings, Verdict.UNDECIDED)
    return telling or replace(findings[0], evidence=_all_evidence(findings))


def _first(findings: list[Finding], *verdicts: Verdict) -> Finding | None:
    """The first finding of the first verdict that is there."""
    return next((each for verdict in verdicts for each in findings if each.verdict == verdict), None)


async def check_not(settings: NotSettings, round: Round) -> Finding:
    """An absence counts only when the control was there: a probe that is broken finds nothing either. One in
    the time of a step counts when that time is over."""
    end = _end_of(settings.proof, round)
    if math.isinf(end):
        return failed(Reason.NOT_ENDED, _("The step it is looked for in has not ended yet."))
    round = await round.settled(end)
    control, found = await asyncio.gather(judge(settings.control, round), judge(settings.proof, round))
    evidence = {"control": control.evidence, "proof": found.evidence}
    if control.verdict == Verdict.UNDECIDED or found.verdict == Verdict.UNDECIDED:
        return control if control.verdict == Verdict.UNDECIDED else found
    if found.verdict == Verdict.PASS:
        return failed(Reason.PRESENT, _("This must not be, and it is: %(what)s"), evidence, what=found.reason)
    if control.verdict == Verdict.FAIL:
        raise Broken(_("Nothing can be concluded, for the control failed: %(what)s"), what=control.reason)
    return passed(_NOT_THERE, evidence, what=control.reason)


_NOT_THERE = _("What must not be there is not, and the control proves that it would be seen: %(what)s")


def _end_of(proof: Proof, round: Round) -> float:
    """When the last of the steps ended in whose time a proof looks; 0 for one that looks at all times."""
    settings = proof.parsed
    own = round.facts.spans.get(settings.step, (0.0, 0.0))[1] if proof.kind == ConditionKind.DURING else 0.0
    return max([own, *(_end_of(inner, round) for inner in inner_proofs(settings))])


def _all_reasons(findings: list[Finding]) -> dict[str, str]:
    """What each has proven, in one paragraph; the last alone where there are many: those are mostly alike."""
    reasons = [each.reason for each in findings if each.reason]
    if not 1 < len(reasons) <= TOLD_TOGETHER:
        return findings[-1].reason
    return {code: " ".join(dict.fromkeys(each[code] for each in reasons)) for code in reasons[0]}


def _all_evidence(findings: list[Finding]) -> dict:
    return {"of": [{"verdict": each.verdict.value, **each.evidence} for each in findings]}
