"""Whether all connections of one client reach the same replica."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import AffinitySettings
from curriculum.reasons import Reason
from curriculum.statistics import test_of
from k8s_tasks.checks.finding import Finding, failed, passed
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.sampling import Arrivals, send_requests
from k8s_tasks.checks.shares import evidence_of, lost_requests, spell_counts, too_few


async def check(settings: AffinitySettings, round: Round) -> Finding:
    facts = {"samples": settings.samples, "keep_open": False, "cookies": settings.cookies}
    return judge(settings, await send_requests(round, settings, **facts))


def judge(settings: AffinitySettings, arrivals: Arrivals) -> Finding:
    if unserved := lost_requests(arrivals):
        return unserved
    servers = arrivals.server_of()
    first = servers[min(servers)]
    test, n = test_of(settings), len(servers) - 1  # the first one chooses
    verdict = test.decide(len(arrivals.by_pod[first]) - 1, n)
    if verdict == Verdict.UNDECIDED:
        raise too_few(n, test.needed)
    evidence = evidence_of(arrivals) | {"first": first, "needed": test.needed}
    facts = {"n": arrivals.arrived, "pod": first, "counts": spell_counts(arrivals.counts)}
    if verdict == Verdict.PASS:
        return passed(_("All %(n)s connections of the client reached %(pod)s."), evidence, **facts)
    return failed(
        Reason.SCATTERED,
        _("The client's %(n)s connections did not stay with one replica: %(counts)s."),
        evidence,
        **facts,
    )
