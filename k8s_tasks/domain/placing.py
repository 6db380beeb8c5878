"""Which session gets a whole cluster, and who waits for one.

A session of a lab with `scope: exclusive` begins in the queue. The watcher gives it a cluster that
nobody is on: a netlab of its own, which is started for it and ended with it, or a registered cluster.
Every round compares what should run with what does, so whoever dies in between leaves nothing behind.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from k8s_tasks.domain.limits import session_minutes
from k8s_tasks.domain.sessions import set_session_state
from k8s_tasks.domain.spares import leave_cluster
from k8s_tasks.domain.whole_clusters import whole_clusters
from k8s_tasks.enums import LIVE_SESSION_STATES, SessionState
from k8s_tasks.launching import NoLauncher, has_launcher, want_netlabs
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.queue import enqueue
from k8s_tasks.speech import speaking_to

logger = logging.getLogger(__name__)


def waiting_sessions() -> QuerySet[LabSession]:
    return LabSession.objects.filter(state=SessionState.QUEUED, cluster=None).order_by("created_at")


def serve_queue() -> None:
    """Give free clusters to those who wait, the first one first. For the watcher."""
    for session in waiting_sessions().select_related("attempt__lab"):
        offered = whole_clusters(session.attempt.lab.slug)
        for cluster in offered:
            if give_cluster(session, cluster):
                break


def give_cluster(session: LabSession, cluster: Cluster) -> bool:
    """False when somebody is on it."""
    now = timezone.now()
    facts = {
        "cluster": cluster,
        "placed_at": now,
        "expires_at": now + timedelta(minutes=session_minutes()),
    }
    with transaction.atomic():
        Cluster.objects.select_for_update().get(pk=cluster.pk)
        if cluster.sessions.filter(state__in=LIVE_SESSION_STATES).exists():
            return False
        if cluster.slot is None:
            leave_cluster(cluster)
            return _begin(session, cluster_uid=cluster.uid, **facts)
        LabSession.objects.filter(pk=session.pk, state=SessionState.QUEUED).update(**facts)
        Cluster.objects.filter(pk=cluster.pk).update(is_healthy=False, uid="", health="", silent_since=None)
    return True


def _begin(session: LabSession, **facts) -> bool:
    """Hand it to a worker, who makes its pods."""
    if not set_session_state(session, SessionState.PREPARING, **facts):
        return False
    transaction.on_commit(lambda: enqueue("prepare_session", session.pk))
    return True


def tend_own_netlabs() -> None:
    """One netlab for each live session that was given one, and no other. For the watcher."""
    if not has_launcher():
        return
    live = LabSession.objects.filter(state__in=LIVE_SESSION_STATES, cluster__slot__isnull=False)
    sessions = {each.cluster.slot: each for each in live.select_related("cluster", "attempt__student")}
    try:
        states = want_netlabs({slot: str(session.pk) for slot, session in sessions.items()})
    except NoLauncher as error:
        logger.warning("%s", error)
        return
    left = Cluster.objects.filter(slot__isnull=False, is_healthy=True).exclude(slot__in=sessions)
    if left.exists():  # every second: an idle portal must not write
        left.update(is_healthy=False, uid="", health="", silent_since=None)
    for slot, session in sessions.items():
        with speaking_to(session.attempt.student):
            _follow(session, states.get(slot, "ended"))


def _follow(session: LabSession, state: str) -> None:
    if state == "ready" and session.state == SessionState.QUEUED:
        _begin(session)
    elif state == "ended" and session.state == SessionState.QUEUED:
        set_session_state(session, SessionState.FAILED, message=_("Its own cluster could not be started."))
    elif state == "ended":
        set_session_state(session, SessionState.GONE, message=_("The cluster it ran on is no more."))


def queue_note(session: LabSession) -> str:
    """What the one who waits is told."""
    if session.state != SessionState.QUEUED:
        return ""
    if session.cluster_id:
        return _("A cluster of its own is being started.")
    ahead = waiting_sessions().filter(created_at__lt=session.created_at).count()
    offered = whole_clusters(session.attempt.lab.slug)
    ends = LabSession.objects.filter(cluster__in=offered, state__in=LIVE_SESSION_STATES)
    told = {"place": ahead + 1, "clusters": len(offered)}
    soonest = ends.order_by("expires_at").values_list("expires_at", flat=True).first()
    if soonest is None:
        return _("This lab needs a whole cluster. Place in the queue: %(place)d.") % told
    told["minutes"] = max(1, round((soonest - timezone.now()).total_seconds() / 60))
    sentence = _(
        "This lab needs a whole cluster, and all there are (%(clusters)d) are taken."
        " Place in the queue: %(place)d. The first of them is free in %(minutes)d minutes at the latest,"
        " unless its time is extended."
    )
    return sentence % told
