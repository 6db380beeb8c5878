"""Whether replicas share connections, or requests, evenly."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import BalanceSettings
from curriculum.reasons import Reason
from curriculum.statistics import test_of
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.sampling import Arrivals, send_requests
from k8s_tasks.checks.shares import evidence_of, lost_requests, spell_counts, too_few


async def check(settings: BalanceSettings, round: Round) -> Finding:
    keep_open = settings.per == "request"
    arrivals = await send_requests(round, settings, samples=settings.samples, keep_open=keep_open)
    return judge(settings, arrivals)


def judge(settings: BalanceSettings, arrivals: Arrivals) -> Finding:
    if unserved := lost_requests(arrivals):
        return unserved
    test, counts = test_of(settings), arrivals.counts
    verdict = test.decide(list(counts.values()))
    if verdict == Verdict.UNDECIDED:
        raise too_few(arrivals.arrived, test.needed)
    facts = {"n": arrivals.arrived, "counts": spell_counts(counts), "count": len(counts)}
    evidence = evidence_of(arrivals) | {
        "needed": test.needed,
        "accepted": list(test.each.accepted(arrivals.arrived)),
    }
    if verdict == Verdict.PASS:
        return passed(_("%(n)s requests were shared by %(count)s replicas: %(counts)s."), evidence, **facts)
    return failed(
        Reason.UNEVEN,
        _("%(n)s requests were not shared evenly by %(count)s replicas: %(counts)s."),
        evidence,
        **facts,
    )
