"""What clusters can do, as it was measured: asking for it, keeping it, and what it means for a lab."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from curriculum.course import get_course
from curriculum.enums import Capability
from curriculum.text import Text
from k8s_tasks.enums import LIVE_SESSION_STATES, CapabilityState
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.preflight.findings import NOT_MEASURED
from k8s_tasks.queue import enqueue
from k8s_tasks.redis_keys import preflight_asked, redis_client
from k8s_tasks.speech import in_all_languages

NOMINAL_PLACES = 30  # sessions on a cluster of which nobody said how many it may have
ASKED_LASTS = 120  # seconds; a preflight that was lost with its worker is asked for again
AGAIN = {  # add-ons come later, and what broke a probe may be over
    CapabilityState.UNKNOWN.value: timedelta(minutes=5),
    CapabilityState.ABSENT.value: timedelta(hours=1),
}


def needs_preflight(cluster: Cluster) -> bool:
    """A cluster not seen before, or one of which something was not present a while ago."""
    if cluster.measured_uid != cluster.uid or cluster.measured_at is None:
        return True
    age = timezone.now() - cluster.measured_at
    states = {told["state"] for told in cluster.capabilities.values()}
    return any(age > after for state, after in AGAIN.items() if state in states)


def ask_preflight(cluster: Cluster) -> None:
    """Hand it to a worker, once. Raises kombu's OperationalError or RedisError."""
    if _claim(cluster):
        enqueue("preflight", cluster.pk)


def claim_preflight(cluster: Cluster) -> bool:
    """May we measure it now? Two preflights at one moment disturb each other; where no Redis answers, no
    worker measures either."""
    try:
        return _claim(cluster)
    except RedisError:
        return True


def _claim(cluster: Cluster) -> bool:
    return bool(redis_client().set(preflight_asked(cluster.pk), cluster.uid, ex=ASKED_LASTS, nx=True))


def keep_capabilities(cluster: Cluster, uid: str, found: dict[str, dict]) -> None:
    facts = {"capabilities": found, "measured_uid": uid, "measured_at": timezone.now()}
    Cluster.objects.filter(pk=cluster.pk).update(**facts)
    with suppress(RedisError):  # it may be measured before the portal runs; the key ends by itself
        redis_client().delete(preflight_asked(cluster.pk))


def capability_of(cluster: Cluster, name: str) -> dict:
    """{"state", "reason"}; what was measured on another cluster behind the same address is not known."""
    found = cluster.capabilities.get(name) if cluster.measured_uid == cluster.uid else None
    return found or {"state": CapabilityState.UNKNOWN.value, "reason": in_all_languages(NOT_MEASURED)}


def measured(cluster: Cluster) -> dict[str, str]:
    """The state of each capability."""
    return {name.value: capability_of(cluster, name)["state"] for name in Capability}


def required_by(slug: str) -> Sequence[Capability]:
    """Nothing for a lab the course has dropped."""
    try:
        return get_course().lab(slug).requires
    except KeyError:
        return ()


def why_not_on(cluster: Cluster, requires: Sequence[Capability]) -> str | None:
    """The sentence for people, or None when the cluster has all of it."""
    told = {name: capability_of(cluster, name) for name in requires}
    lacking = {name: found for name, found in told.items() if found["state"] != CapabilityState.PRESENT}
    if not lacking:
        return None
    reasons = " ".join(f"{name}: {Text(found['reason'])}" for name, found in lacking.items())
    return _("This lab needs what the cluster %(cluster)s does not have for sure. %(reasons)s") % {
        "cluster": cluster.name,
        "reasons": reasons,
    }


def why_skipped(cluster: Cluster | None, needs: Sequence[Capability]) -> str:
    """The sentence on a step that the cluster cannot do; empty when it can."""
    told = {name: capability_of(cluster, name) for name in needs} if cluster else {}
    lacking = {name: found for name, found in told.items() if found["state"] != CapabilityState.PRESENT}
    reasons = " ".join(f"{name}: {Text(found['reason'])}" for name, found in lacking.items())
    return _("Skipped on this cluster. %(reasons)s") % {"reasons": reasons} if lacking else ""


def lacked_by(cluster: Cluster, requires: Sequence[Capability]) -> str:
    """What is surely not there, with the reasons in English; empty when nothing is known to be lacking."""
    told = {name: capability_of(cluster, name) for name in requires}
    absent = {name: each for name, each in told.items() if each["state"] == CapabilityState.ABSENT}
    return " ".join(f"{name}: {each['reason']['en']}" for name, each in absent.items())


def surely_lacking(cluster: Cluster, needs: Sequence[Capability]) -> dict[str, str]:
    """Why the first of these needs is not met, by language; empty when nothing is known to be lacking."""
    told = (capability_of(cluster, name) for name in needs)
    return next((each["reason"] for each in told if each["state"] == CapabilityState.ABSENT), {})


def choose_cluster(requires: Sequence[Capability]) -> tuple[Cluster | None, str | None]:
    """A healthy cluster with room for a lab that shares it, and why even the best one will not do.

    The default takes new sessions as long as it has room; then the emptiest of the others does.
    """
    shared = Cluster.objects.filter(is_healthy=True, is_exclusive=False)
    if not shared:
        return None, None
    taken = taken_whole()
    open_ones = [each for each in shared.filter(takes_new=True) if each.pk not in taken]
    if not open_ones:
        return None, _why_none_is_open(taken)
    roomy = sorted((each for each in open_ones if has_room(each)), key=_preference)
    if not roomy:
        return None, _("All places on the clusters are taken; try again in some minutes.")
    fits = (each for each in roomy if why_not_on(each, requires) is None)
    chosen = next(fits, roomy[0])
    return chosen, why_not_on(chosen, requires)


def has_room(cluster: Cluster) -> bool:
    return cluster.capacity is None or live_sessions(cluster) < cluster.capacity


def live_sessions(cluster: Cluster) -> int:
    return cluster.sessions.filter(state__in=LIVE_SESSION_STATES).count()


def _preference(cluster: Cluster) -> tuple:
    """One without a limit counts as one of NOMINAL_PLACES, so that it can be compared."""
    share = live_sessions(cluster) / (cluster.capacity or NOMINAL_PLACES)
    return not cluster.is_default, share, cluster.name


def _why_none_is_open(taken: list[int]) -> str:
    if taken:
        return _("Every cluster is taken by a lab that needs a whole one; try again in some minutes.")
    return _("No cluster takes new sessions right now; ask who runs this portal.")


def taken_whole() -> list[int]:
    exclusive = LabSession.objects.filter(state__in=LIVE_SESSION_STATES, is_exclusive=True)
    return list(exclusive.exclude(cluster=None).values_list("cluster_id", flat=True))
