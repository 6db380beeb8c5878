"""The share of keys that move to another replica when their number changes, against k/n.

It is judged twice: with the replicas as they were, it only takes down which one serves each key;
after the change it compares.
"""

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


async def check(settings: RemapSettings, round: Round) -> Finding:
    arrivals = await send_requests(round, settings, samples=settings.keys, keep_open=False, as_keys=True)
    return judge(settings, arrivals, before=round.earlier.get("before", {}))


def judge(settings: RemapSettings, arrivals: Arrivals, *, before: dict[str, str]) -> Finding:
    if unserved := lost_requests(arrivals):
        unserved.evidence["before"] = before
        return unserved
    now = {str(key): pod for key, pod in sorted(arrivals.server_of().items())}
    replicas = len(set(now.values()))
    facts = {"replicas": replicas, "before": settings.before, "after": settings.after}
    if replicas == settings.before:
        return failed(Reason.OTHER_REPLICAS, _NOTED, {"before": now}, **facts)
    if replicas != settings.after or not before:
        return failed(Reason.OTHER_REPLICAS, _OTHERWISE, {"before": before}, **facts)
    moved, n = moved_keys(before, now)
    finding = share_finding(settings, moved, n, _SAYS)
    return replace(finding, evidence=finding.evidence | {"before": before, "after": now})


_NOTED = _("Which of %(replicas)s replicas serves each key is noted; now make them %(after)s.")
_OTHERWISE = _(
    "%(replicas)s replicas serve the keys; have %(before)s and verify, then %(after)s and verify again."
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
