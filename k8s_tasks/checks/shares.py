"""What the kinds that count have in common: a share with its interval, and requests that came nowhere."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.reasons import Reason
from curriculum.statistics import test_of, wilson
from k8s_tasks.checks.finding import Broken, Finding, failed, passed
from k8s_tasks.checks.sampling import Arrivals

_TOO_FEW = _("%(n)s samples are too few to tell right from wrong: it takes %(needed)s.")


def too_few(n: int, needed: int) -> Broken:
    return Broken(_TOO_FEW, n=n, needed=needed)


def share_finding(settings, hits: int, n: int, says: dict[Verdict, str]) -> Finding:
    """The verdict on a share, with the numbers a reader needs. Raises Broken with too few samples."""
    test = test_of(settings)
    verdict = test.decide(hits, n)
    if verdict == Verdict.UNDECIDED:
        raise too_few(n, test.needed)
    low, high = wilson(hits, n)
    accepted = test.accepted(n)
    facts = {"hits": hits, "n": n, "share": _percent(hits / n), "right": _percent(test.right)}
    # What the verdict is decided by; the interval around the share may say otherwise to who compares them.
    facts["expected"] = "–".join(dict.fromkeys(map(str, accepted)))
    evidence = {
        "hits": hits,
        "samples": n,
        "interval": [round_share(low), round_share(high)],
        "right": test.right,
        "wrong": test.wrong,
        "accepted": list(accepted),
        "needed": test.needed,
    }
    if verdict == Verdict.PASS:
        return passed(says[verdict], evidence, **facts)
    return failed(Reason.WRONG_SHARE, says[verdict], evidence, **facts)


def round_share(share: float) -> float:
    return round(share, 4)


def _percent(share: float) -> float:
    return round(100 * share, 1)


def lost_requests(arrivals: Arrivals) -> Finding | None:
    """The failure when requests came to no replica, or None."""
    lost = arrivals.asked - arrivals.arrived
    if not lost:
        return None
    sentence = _("%(lost)s of %(n)s requests came to none of the replicas.")
    return failed(Reason.UNSERVED, sentence, evidence_of(arrivals), lost=lost, n=arrivals.asked)


def evidence_of(arrivals: Arrivals) -> dict:
    n = arrivals.arrived
    intervals = {
        pod: [round_share(bound) for bound in wilson(count, n)] for pod, count in arrivals.counts.items()
    }
    return {"samples": arrivals.asked, "counts": arrivals.counts, "intervals": intervals}


def spell_counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{pod} {count}" for pod, count in counts.items())
