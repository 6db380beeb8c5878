"""What was seen during a step, or after it: packets of the time its last run went on or has ended."""

import math
from dataclasses import replace

from django.utils.translation import gettext_noop as _

from curriculum.kinds import WhenSettings
from curriculum.reasons import Reason
from k8s_tasks.checks.finding import Finding, failed
from k8s_tasks.checks.judging import judge
from k8s_tasks.checks.round import Round


async def check_during(settings: WhenSettings, round: Round) -> Finding:
    span = round.facts.spans.get(settings.step)
    if span is None:
        return failed(Reason.NOT_RUN, _("The step it is looked for in has not been run yet."))
    return _dated(await judge(settings.seen, round.within(*span)), span)


async def check_after(settings: WhenSettings, round: Round) -> Finding:
    span = round.facts.spans.get(settings.step)
    if span is None or math.isinf(span[1]):
        return failed(Reason.NOT_ENDED, _("The step it is looked for after has not ended yet."))
    return _dated(await judge(settings.seen, round.within(span[1], math.inf)), (span[1], math.inf))


def _dated(finding: Finding, span: tuple[float, float]) -> Finding:
    start, end = span
    told = {"from": start} if math.isinf(end) else {"from": start, "to": end}
    return replace(finding, evidence=finding.evidence | {"time": told})
