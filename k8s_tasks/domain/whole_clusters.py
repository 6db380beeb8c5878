"""Clusters that a session may have for itself: netlabs of their own, and registered ones."""

from collections.abc import Sequence

from django.conf import settings
from django.utils.translation import gettext as _

from curriculum.course import get_course
from curriculum.enums import Capability, Right, Scope
from k8s_tasks.domain.capabilities import required_by, why_not_on
from k8s_tasks.launching import has_launcher, own_folder
from k8s_tasks.models import Cluster


def needs_whole_cluster(slug: str) -> bool:
    """False for a lab the course has dropped."""
    try:
        return get_course().lab(slug).scope == Scope.EXCLUSIVE
    except KeyError:
        return False


def register_own_netlabs() -> None:
    """A row for each netlab that may be started; they are netlab's twins and can what it can."""
    for slot in range(1, settings.OPTIONS["OWN_NETLABS"] + 1):
        facts = {"kubeconfig_path": str(own_folder(slot) / "kubeconfig"), "is_exclusive": True}
        Cluster.objects.update_or_create(slot=slot, defaults={"name": f"netlab-own-{slot}", **facts})


def whole_clusters(slug: str) -> list[Cluster]:
    """Those a whole-cluster lab may have, taken or not: the ones kept for such labs, or else any."""
    requires, clusters = required_by(slug), Cluster.objects.order_by("name")
    fitting = [each for each in clusters if may_have(slug, each) and _may_be_whole(each, requires)]
    return [each for each in fitting if each.is_exclusive] or fitting


def rights_of(slug: str) -> Sequence[Right]:
    """Nothing for a lab the course has dropped."""
    try:
        return get_course().lab(slug).rights
    except KeyError:
        return ()


def may_have(slug: str, cluster: Cluster) -> bool:
    """A lab that gives students rights beyond their namespaces gets a netlab of its own: nobody makes
    another cluster anew, and its balancer's addresses are real ones."""
    return cluster.slot is not None or not rights_of(slug)


def _may_be_whole(cluster: Cluster, requires: Sequence[Capability]) -> bool:
    if cluster.slot is None:
        return cluster.is_healthy and why_not_on(cluster, requires) is None
    twin = twin_of()
    is_offered = has_launcher() and cluster.slot <= settings.OPTIONS["OWN_NETLABS"]
    return is_offered and twin is not None and why_not_on(twin, requires) is None


def twin_of() -> Cluster | None:
    """The netlab that is measured for all: the same program on the same kernel."""
    return Cluster.objects.filter(name="netlab", slot=None, is_healthy=True).first()


def adopt_measurements(cluster: Cluster, uid: str) -> None:
    """What was measured on the twin holds for a netlab of its own that has just been started."""
    facts = {"uid": uid, "is_healthy": True, "health": "", "silent_since": None}
    twin = twin_of()
    if twin and twin.measured_uid == twin.uid:
        facts |= {"capabilities": twin.capabilities, "measured_uid": uid, "measured_at": twin.measured_at}
    Cluster.objects.filter(pk=cluster.pk).update(**facts)


def why_no_whole_cluster(slug: str) -> str | None:
    """None when there is one that such a lab may wait for."""
    if whole_clusters(slug):
        return None
    if rights_of(slug):
        return _("This lab needs a netlab of its own, and none is offered here.")
    return _("This lab needs a whole cluster, and none that has what it needs is offered here.")
