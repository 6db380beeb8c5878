"""Acts on lab sessions. `set_session_state` is the only place that changes a session's state."""

import uuid
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from curriculum.domain import start_attempt
from curriculum.models import Attempt
from curriculum.specs import LabSpec
from k8s_tasks.cluster.namespaces import main_namespace
from k8s_tasks.domain import limits
from k8s_tasks.domain.capabilities import choose_cluster, has_room, required_by
from k8s_tasks.domain.runs import cancel_open_runs
from k8s_tasks.domain.spares import drop_spare, give_way, leave_cluster, take_spare
from k8s_tasks.domain.whole_clusters import may_have, needs_whole_cluster, why_no_whole_cluster
from k8s_tasks.enums import LIVE_SESSION_STATES, SessionState
from k8s_tasks.models import Cluster, LabSession, SpareSession
from k8s_tasks.queue import enqueue
from k8s_tasks.speech import speaking_to
from k8s_tasks.streams import publish_notice

WARNING = timedelta(minutes=5)  # before the end
PREPARING_LIMIT = timedelta(minutes=3)  # since it was given a cluster
NOT_YET_READY = (SessionState.QUEUED, SessionState.PREPARING)

_BEFORE = {
    SessionState.PREPARING: (SessionState.QUEUED,),
    SessionState.READY: (SessionState.PREPARING, SessionState.EXPIRING),
    SessionState.EXPIRING: (SessionState.READY,),
    SessionState.FAILED: (SessionState.QUEUED, SessionState.PREPARING),
}


class SessionError(Exception):
    """A session that cannot be had or kept; the text is for the student, in their language."""


class TooManySessions(SessionError):
    """One of the student's own must end first."""


def start_session(attempt: Attempt, *, cluster: Cluster | None = None) -> LabSession:
    """A session for the attempt: the live one when there is one, else a new one that is being
    prepared, on the cluster given or on one that fits, or that waits for a whole one. Raises SessionError."""
    with transaction.atomic():
        # Two clicks at once must not make two sessions: the student's row is the lock.
        student = get_user_model().objects.select_for_update().get(pk=attempt.student_id)
        live = LabSession.objects.filter(attempt__student=student, state__in=LIVE_SESSION_STATES)
        if mine := live.filter(attempt=attempt).first():
            return mine
        if live.count() >= limits.sessions_per_student():
            raise TooManySessions(_("You have too many sessions open; end one of them first."))
        if needs_whole_cluster(attempt.lab.slug):
            return _create_exclusive(attempt, cluster)
        return _create_session(attempt, cluster or _take_place(attempt.lab.slug))


def begin_attempt(student, lab: LabSpec) -> Attempt:
    """A new attempt. Where a session of the lab waits ready it becomes the attempt's own, at once; else, and
    for a student who may have no more, the attempt has none yet."""
    with transaction.atomic():
        get_user_model().objects.select_for_update().get(pk=student.pk)
        live = LabSession.objects.filter(attempt__student=student, state__in=LIVE_SESSION_STATES)
        spare = take_spare(lab) if live.count() < limits.sessions_per_student() else None
        attempt = start_attempt(student, lab, seed=spare.seed if spare else None)
        if spare:
            _hand_out(spare, attempt)
        return attempt


def extend_session(session: LabSession) -> None:
    """A full session's time from now on. Raises SessionError."""
    expires_at = timezone.now() + _session_time()
    live = LabSession.objects.filter(pk=session.pk, state__in=LIVE_SESSION_STATES)
    if not live.update(expires_at=expires_at):
        raise SessionError(_("This session is over; start a new one."))
    session.refresh_from_db()
    if not set_session_state(session, SessionState.READY, only_from=(SessionState.EXPIRING,)):
        _tell(session)


def reset_session(session: LabSession) -> LabSession:
    """New pods in a new namespace for the same attempt; what was proven stays. Raises SessionError."""
    with speaking_to(session.attempt.student):
        end_session(session, _("It was reset."))
    return start_session(session.attempt)


def end_session(session: LabSession, reason: str) -> bool:
    """Stop what runs and give the namespace back; a session that is over stays as it is, which is False."""
    return set_session_state(session, SessionState.ENDED, message=reason)


def set_session_state(
    session: LabSession, state: SessionState, *, message: str = "", only_from: tuple | None = None, **changes
) -> bool:
    """The one gate. False, and no effect, when the session is not where the change starts from.

    Each change is told to the session's pages. An end also cancels what runs, and gives the
    namespace back unless its cluster is gone.
    """
    is_over = state not in LIVE_SESSION_STATES
    changes |= {"state": state, "message": message}
    if is_over:
        changes["ended_at"] = timezone.now()
    before = only_from or _BEFORE.get(state, LIVE_SESSION_STATES)
    if not LabSession.objects.filter(pk=session.pk, state__in=before).update(**changes):
        return False
    for name, value in changes.items():
        setattr(session, name, value)
    transaction.on_commit(lambda: _effects(session, is_over))
    return True


def _effects(session: LabSession, is_over: bool) -> None:
    _tell(session)
    if is_over:
        cancel_open_runs(session, reason=_("The session is over."))
        if session.state != SessionState.GONE and _has_something_to_clear(session):
            enqueue("clear_session", session.pk)


def _has_something_to_clear(session: LabSession) -> bool:
    """A netlab of its own ends as a whole, and one who waits has nothing yet."""
    return session.cluster is not None and session.cluster.slot is None


def _tell(session: LabSession) -> None:
    told = {"state": session.state, "message": session.message, "expires_at": session.expires_at.isoformat()}
    publish_notice(session.pk, "session", told)


def expire_sessions() -> None:
    """Warn of sessions that end soon, end those whose time is over. For the watcher."""
    now = timezone.now()
    live = LabSession.objects.filter(state__in=LIVE_SESSION_STATES).select_related("attempt__student")
    for session in live.filter(expires_at__lte=now + WARNING) | live.filter(
        state__in=NOT_YET_READY, placed_at__lte=now - PREPARING_LIMIT
    ):
        with speaking_to(session.attempt.student):
            _expire(session, now)


def _expire(session: LabSession, now) -> None:
    if session.expires_at <= now:
        set_session_state(session, SessionState.ENDED, message=_("Its time was over."))
    elif session.state in NOT_YET_READY:
        set_session_state(session, SessionState.FAILED, message=_("It could not be prepared in time."))
    else:
        set_session_state(session, SessionState.EXPIRING)


def lose_sessions_of_other_cluster(cluster: Cluster) -> None:
    """After a cluster came back as another one: its sessions are gone, their progress is not."""
    lost = cluster.sessions.filter(state__in=LIVE_SESSION_STATES).exclude(cluster_uid__in=("", cluster.uid))
    for session in lost.select_related("attempt__student"):
        with speaking_to(session.attempt.student):
            set_session_state(session, SessionState.GONE, message=_("The cluster it ran on is no more."))


def lose_sessions_of_silent_clusters() -> None:
    """A cluster that has been silent for CLUSTER_SILENT_SECONDS is given up: its sessions say so, and a new
    one of the same attempt starts elsewhere. If it comes back, the watcher clears what is left on it. A
    netlab of a session's own is followed by whoever started it."""
    limit = timezone.now() - timedelta(seconds=settings.OPTIONS["CLUSTER_SILENT_SECONDS"])
    silent = Cluster.objects.filter(slot=None, silent_since__lte=limit)
    lost = LabSession.objects.filter(state__in=LIVE_SESSION_STATES, cluster__in=silent)
    for session in lost.select_related("attempt__student", "cluster"):
        with speaking_to(session.attempt.student):
            told = _("The cluster %(cluster)s no longer answers. Start again: what was proven stays.")
            set_session_state(session, SessionState.GONE, message=told % {"cluster": session.cluster.name})


def update_pods(namespace: str, pods: list[dict]) -> bool:
    """Keep how the pods are now and tell the pages; no change is no news. A spare session one of whose pods
    is no longer what was prepared is thrown away."""
    with transaction.atomic():
        main = main_namespace(namespace)
        held = _holder_of(main)
        if held is None:
            return False
        pods = _pods_now(held.bindings["pods"], namespace, main, pods)
        if pods == held.bindings["pods"]:
            return False
        if isinstance(held, SpareSession) and not _are_as_prepared(held.bindings["pods"], pods):
            drop_spare(held)
            return False
        held.bindings = {**held.bindings, "pods": pods}
        held.save(update_fields=["bindings"])
    if isinstance(held, LabSession):
        publish_notice(held.pk, "topology", {"nodes": held.bindings["nodes"], "pods": pods})
    return True


def _holder_of(main: str) -> LabSession | SpareSession | None:
    """Whose pods these are, its row locked. Until it is ready its own preparation writes the bindings."""
    session = LabSession.objects.select_for_update().filter(namespace=main).first()
    if session is not None:
        return session if session.bindings and session.state in LIVE_SESSION_STATES else None
    return SpareSession.objects.select_for_update().filter(namespace=main, is_ready=True).first()


def _are_as_prepared(before: list[dict], now: list[dict]) -> bool:
    """Captures follow the addresses that were there when it was prepared."""
    wanted = {(pod["name"], pod["address"]) for pod in before if pod["ready"]}
    return wanted <= {(pod["name"], pod["address"]) for pod in now if pod["ready"]}


def _pods_now(before: list[dict], namespace: str, main: str, pods: list[dict]) -> list[dict]:
    elsewhere = [pod for pod in before if pod.get("namespace", main) != namespace]
    here = [pod for pod in before if pod not in elsewhere]
    # A name is that of the lab's own pod: another pod of this name in another namespace is left out.
    taken = {pod["name"] for pod in elsewhere}
    merged = elsewhere + _merge_pods(here, [pod for pod in pods if pod["name"] not in taken])
    return sorted(merged, key=_order_of(before))


def _order_of(before: list[dict]):
    """Sorts pods as they were, and new ones behind them by name."""
    places = {pod["name"]: place for place, pod in enumerate(before)}
    return lambda pod: (places.get(pod["name"], len(places)), pod["name"])


def _merge_pods(before: list[dict], now: list[dict]) -> list[dict]:
    """A pod that was deleted stays in the picture as gone, and a new one of its name has its last
    address until it gets its own: commands are rendered from it."""
    current = {pod["name"]: pod for pod in now}
    merged = [_merge_pod(pod, current.pop(pod["name"], None)) for pod in before]
    return merged + sorted(current.values(), key=lambda pod: pod["name"])


def _merge_pod(before: dict, now: dict | None) -> dict:
    if now is None:
        return {**before, "phase": "Gone", "ready": False}
    return {**now, "address": now["address"] or before["address"], "node": now["node"] or before["node"]}


def _create_session(attempt: Attempt, cluster: Cluster, **facts) -> LabSession:
    placed = {"cluster": cluster, "cluster_uid": cluster.uid, "placed_at": timezone.now()}
    session = _write_session(attempt, **placed, **facts)
    transaction.on_commit(lambda: _hand_over(session))
    give_way(cluster)
    return session


def _hand_out(spare: SpareSession, attempt: Attempt) -> None:
    now = timezone.now()
    session = LabSession.objects.create(
        id=spare.pk,
        attempt=attempt,
        cluster=spare.cluster,
        cluster_uid=spare.cluster_uid,
        namespace=spare.namespace,
        state=SessionState.READY,
        bindings=spare.bindings,
        placed_at=now,
        ready_at=now,
        expires_at=now + _session_time(),
    )
    transaction.on_commit(lambda: _tell(session))


def _create_exclusive(attempt: Attempt, cluster: Cluster | None) -> LabSession:
    """On the cluster given, when nobody is on it; else in the queue, which the watcher serves."""
    if cluster is None:
        if why_not := why_no_whole_cluster(attempt.lab.slug):
            raise SessionError(why_not)
        return _write_session(attempt, state=SessionState.QUEUED, is_exclusive=True)
    if not may_have(attempt.lab.slug, cluster):
        raise SessionError(_("This lab needs a netlab of its own, and none is offered here."))
    if cluster.sessions.filter(state__in=LIVE_SESSION_STATES).exists():
        told = _("This lab needs the whole cluster %(cluster)s, and somebody is on it.")
        raise SessionError(told % {"cluster": cluster.name})
    leave_cluster(cluster)
    return _create_session(attempt, cluster, is_exclusive=True)


def _write_session(attempt: Attempt, **facts) -> LabSession:
    id = uuid.uuid4()
    return LabSession.objects.create(
        id=id,
        attempt=attempt,
        namespace=f"{attempt.lab.slug[:40]}-{id.hex[:8]}",
        expires_at=timezone.now() + _session_time(),
        **facts,
    )


def _hand_over(session: LabSession) -> None:
    try:
        enqueue("prepare_session", session.pk)
    except OperationalError as error:
        session.delete()
        raise SessionError(_("The queue of commands does not answer.")) from error


def _take_place(lab: str) -> Cluster:
    """A cluster whose last place nobody else can take before this transaction ends."""
    while True:
        cluster = _pick_cluster(lab)
        if cluster.capacity is None:
            return cluster
        Cluster.objects.select_for_update().get(pk=cluster.pk)
        if has_room(cluster):
            return cluster


def _pick_cluster(lab: str) -> Cluster:
    cluster, why_not = choose_cluster(required_by(lab))
    if cluster is None and why_not is None:
        raise SessionError(_("No cluster is well right now; try again in a moment."))
    if why_not:
        raise SessionError(why_not)
    return cluster


def _session_time() -> timedelta:
    return timedelta(minutes=limits.session_minutes())
