"""Sessions that are prepared before anybody asks, so that a click finds one ready.

An administrator says of which labs how many. The watcher compares what should wait with what does: it has new
ones prepared, and throws away those of another version of the lab, on a cluster that is drained, ill or
another one, and those that have waited too long. Nothing on the cluster names an owner, so a spare session
becomes a student's by its row alone. Spares count as used places when one more is made, and give way as soon
as a student needs the place.
"""

import uuid
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from curriculum.course import get_course
from curriculum.domain import draw_seed
from curriculum.enums import Capability, Scope
from curriculum.specs import LabSpec
from k8s_tasks.domain.capabilities import choose_cluster, live_sessions, taken_whole, why_not_on
from k8s_tasks.models import Cluster, KeptReady, SpareSession
from k8s_tasks.queries import queue_lengths
from k8s_tasks.queue import VERIFY, enqueue

LASTS = timedelta(minutes=60)  # captures of it run on all the while
PREPARING_LIMIT = timedelta(minutes=3)
AFTER_FAILURE = timedelta(minutes=5)
AT_ONCE = 2  # being prepared; workers are for students first


def why_not_kept(lab: LabSpec) -> str:
    """Why sessions of a lab cannot wait without an owner; empty when they can."""
    if lab.scope == Scope.EXCLUSIVE:
        return _("This lab takes a whole cluster.")
    if lab.deck:
        return _("This lab deals a card that its student has not seen yet.")
    if lab.background:
        return _("This lab has traffic of its own, which would be captured long before its student comes.")
    if Capability.TCP_LISTENER in lab.requires:
        return _("This lab takes one of the few listeners of the ingress controller.")
    return ""


def take_spare(lab: LabSpec) -> SpareSession | None:
    """One that is ready, which nobody else can get; its row goes with the transaction this is called in."""
    fitting = SpareSession.objects.filter(
        lab__slug=lab.slug, lab_version=lab.version, is_ready=True, cluster_uid=F("cluster__uid")
    ).filter(cluster__in=_clusters_for(lab))
    locked = fitting.select_for_update(
        skip_locked=True, of=("self",)
    )  # two clicks need not wait for each other
    spare = locked.select_related("cluster").first()
    taken = spare is not None and SpareSession.objects.filter(pk=spare.pk).delete()[0]
    return spare if taken else None


def give_way(cluster: Cluster) -> None:
    """Throw away so many spares, the oldest first, that students' sessions have their places."""
    if cluster.capacity is None:
        return
    spares = cluster.spares.all()
    too_many = live_sessions(cluster) + spares.count() - cluster.capacity
    for spare in spares[: max(0, too_many)]:
        drop_spare(spare)


def leave_cluster(cluster: Cluster) -> None:
    """Somebody gets all of it."""
    for spare in cluster.spares.all():
        drop_spare(spare)


def drop_spare(spare: SpareSession) -> bool:
    """Throw it away; False when a student has just taken it."""
    if not SpareSession.objects.filter(pk=spare.pk).delete()[0]:
        return False
    facts = {"namespace": spare.namespace, "cluster": spare.cluster_id}
    # Without a broker the watcher's sweep finds the namespace; no student shall fail for it.
    transaction.on_commit(lambda: enqueue("clear_spare", spare.pk, **facts), robust=True)
    return True


def offer_spare(spare: SpareSession, *, uid: str, bindings: dict) -> bool:
    """It is prepared. False when it was thrown away meanwhile."""
    making = SpareSession.objects.filter(pk=spare.pk, is_ready=False)
    if not making.update(is_ready=True, cluster_uid=uid, bindings=bindings):
        return False
    KeptReady.objects.filter(lab=spare.lab_id).exclude(failure="").update(failure="", failed_at=None)
    return True


def give_up_spare(spare: SpareSession, why: str) -> None:
    """It could not be prepared; the next one is tried after a while."""
    KeptReady.objects.filter(lab=spare.lab_id).update(failure=why, failed_at=timezone.now())
    drop_spare(spare)


def tend_spares() -> None:
    """One round. For the watcher."""
    kept = {each.lab_id: each for each in KeptReady.objects.select_related("lab")}
    if not kept and not SpareSession.objects.exists():
        return
    versions = {lab.slug: lab.version for lab in get_course().labs if not why_not_kept(lab)}
    for lab in {*kept, *SpareSession.objects.values_list("lab", flat=True)}:
        _drop_stale(lab, kept.get(lab), versions)
    failed = timezone.now() - AFTER_FAILURE
    for each in kept.values():
        if each.lab.slug in versions and not (each.failed_at and each.failed_at > failed):
            _make_next(each)


def _clusters_for(lab: LabSpec) -> list[Cluster]:
    open_ones = Cluster.objects.filter(is_healthy=True, takes_new=True, is_exclusive=False)
    return [
        each for each in open_ones.exclude(pk__in=taken_whole()) if why_not_on(each, lab.requires) is None
    ]


def _drop_stale(lab_id: int, kept: KeptReady | None, versions: dict[str, str]) -> None:
    spares = SpareSession.objects.filter(lab=lab_id)
    now = timezone.now()
    wanted = kept.count if kept else 0
    good = spares.filter(
        Q(is_ready=True, created_at__gt=now - LASTS, cluster_uid=F("cluster__uid"))
        | Q(is_ready=False, created_at__gt=now - PREPARING_LIMIT),
        lab_version=versions.get(kept.lab.slug, "") if kept else "",
        cluster__is_healthy=True,
        cluster__takes_new=True,
        cluster__is_exclusive=False,
    ).exclude(cluster__in=taken_whole())
    staying = good.order_by("-is_ready", "-created_at").values_list("pk", flat=True)[:wanted]
    for spare in spares.exclude(pk__in=list(staying)):
        drop_spare(spare)


def _make_next(kept: KeptReady) -> None:
    """Unless there are enough, or workers or the cluster have no room beside what students ask for."""
    making = SpareSession.objects.filter(is_ready=False).count()
    if kept.lab.spares.count() >= kept.count or making >= AT_ONCE or queue_lengths()[VERIFY]:
        return
    lab = get_course().lab(kept.lab.slug)
    cluster, why_not = choose_cluster(lab.requires)
    if cluster is None or why_not or not _has_place_to_spare(cluster):
        return
    id = uuid.uuid4()
    spare = SpareSession.objects.create(
        id=id,
        lab=kept.lab,
        lab_version=lab.version,
        seed=draw_seed(lab, ()),
        cluster=cluster,
        namespace=f"{lab.slug[:40]}-{id.hex[:8]}",
    )
    enqueue("prepare_spare", spare.pk)


def _has_place_to_spare(cluster: Cluster) -> bool:
    return cluster.capacity is None or live_sessions(cluster) + cluster.spares.count() < cluster.capacity
