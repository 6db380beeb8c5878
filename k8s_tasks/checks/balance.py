"""Whether replicas share connections, or requests, evenly."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import BalanceSettings
from curriculum.statistics import test_of, wilson
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.loss import TOO_FEW, round_share
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.sampling import Arrivals, send_requests


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
        raise Broken(TOO_FEW, n=arrivals.arrived, needed=test.needed)
    facts = {"n": arrivals.arrived, "counts": spell_counts(counts), "count": len(counts)}
    evidence = evidence_of(arrivals) | {
        "needed": test.needed,
        "accepted": list(test.each.accepted(arrivals.arrived)),
    }
    if verdict == Verdict.PASS:
        return passed(_("%(n)s requests were shared by %(count)s replicas: %(counts)s."), evidence, **facts)
    return failed(
        _("%(n)s requests were not shared evenly by %(count)s replicas: %(counts)s."), evidence, **facts
    )


def lost_requests(arrivals: Arrivals) -> Finding | None:
    """The failure when requests came to no replica, or None."""
    lost = arrivals.asked - arrivals.arrived
    if not lost:
        return None
    sentence = _("%(lost)s of %(n)s requests came to none of the replicas.")
    return failed(sentence, evidence_of(arrivals), lost=lost, n=arrivals.asked)


def evidence_of(arrivals: Arrivals) -> dict:
    n = arrivals.arrived
    intervals = {
        pod: [round_share(bound) for bound in wilson(count, n)] for pod, count in arrivals.counts.items()
    }
    return {"samples": arrivals.asked, "counts": arrivals.counts, "intervals": intervals}


def spell_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{pod} {count}" for pod, count in counts.items())
