"""The share of keys that move to another replica when their number changes, against k/n.

It is judged twice: with the replicas as they were, it only takes down which one serves each key;
after the change it compares. Each time the keys are sent until two passes agree: while a balancer takes up a
change, some keys still go the old way, and a map of both ways is right about neither. Every second pass sends
the last key first, or a balancer that takes turns could agree with itself.
"""

from collections.abc import Sequence
from dataclasses import replace

from django.utils.translation import gettext_noop as _

from curriculum.enums import Verdict
from curriculum.kinds import RemapSettings
from curriculum.reasons import Reason
from curriculum.statistics import moved_keys
from k8s_tasks.checks.finding import Finding, failed
from k8s_tasks.checks.round import Round
from k8s_tasks.checks.sampling import Arrivals, send_requests
from k8s_tasks.checks.shares import lost_requests, share_finding

_MOST_PASSES = 4


async def check(settings: RemapSettings, round: Round) -> Finding:
    passes: list[Arrivals] = []
    while len(passes) < _MOST_PASSES and not agree(passes):
        how = {"keep_open": False, "as_keys": True, "backwards": len(passes) % 2 == 1}
        passes.append(await send_requests(round, settings, samples=settings.keys, **how))
        if lost_requests(passes[-1]):
            break
    return judge(settings, passes, before=round.earlier.get("before", {}))


def agree(passes: Sequence[Arrivals]) -> bool:
    """Did the last two find each key at the same replica?"""
    return len(passes) > 1 and passes[-1].server_of() == passes[-2].server_of()


def judge(settings: RemapSettings, passes: Sequence[Arrivals], *, before: dict[str, str]) -> Finding:
    arrivals = passes[-1]
    if unserved := lost_requests(arrivals):
        unserved.evidence["before"] = before
        return unserved
    now = {str(key): pod for key, pod in sorted(arrivals.server_of().items())}
    if not agree(passes):
        astray = sum(passes[-2].server_of().get(int(key)) != pod for key, pod in now.items())
        return failed(
            Reason.SCATTERED, _WANDER, {"before": before, "now": now}, keys=astray, n=arrivals.asked
        )
    replicas = len(set(now.values()))
    facts = {"replicas": replicas, "before": settings.before, "after": settings.after}
    if replicas == settings.before:
        return failed(Reason.OTHER_REPLICAS, _NOTED, {"before": now}, **facts)
    if replicas != settings.after or not before:
        return failed(Reason.OTHER_REPLICAS, _OTHERWISE, {"before": before}, **facts)
    moved, n = moved_keys(before, now)
    finding = share_finding(settings, moved, n, _SAYS)
    return replace(finding, evidence=finding.evidence | {"before": before, "after": now})


_WANDER = _(
    "%(keys)s of %(n)s keys went to another replica when they were sent again: nothing decides by the key. If"
    " you changed the balancer just now, verify again."
)
_NOTED = _("Which of %(replicas)s replicas serves each key is noted; now make them %(after)s.")
_OTHERWISE = _(
    "How many replicas serve the keys: %(replicas)s. Have %(before)s and verify, then %(after)s and verify"
    " again."
)
_SAYS = {
    Verdict.PASS: _(
        "%(hits)s of %(n)s keys moved: %(share)s %%. That fits the %(right)s %% of consistent hashing"
        " (%(expected)s of %(n)s)."
    ),
    Verdict.FAIL: _(
        "%(hits)s of %(n)s keys moved: %(share)s %%. That does not fit the %(right)s %% of consistent hashing"
        " (%(expected)s of %(n)s)."
    ),
}
