"""The queue for whole clusters, as rows: who is next, what is said, what others may have meanwhile."""

from dataclasses import replace

import pytest
from django.contrib.auth import get_user_model

from curriculum.course import get_course
from curriculum.domain import start_attempt
from curriculum.enums import Right, Scope
from k8s_tasks.domain import placing, whole_clusters
from k8s_tasks.domain.placing import give_cluster, queue_note, serve_queue, tend_own_netlabs
from k8s_tasks.domain.sessions import SessionError, end_session, start_session
from k8s_tasks.enums import SessionState
from k8s_tasks.launching import NoLauncher, want_netlabs
from k8s_tasks.models import Cluster, LabSession

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def whole(lab, monkeypatch):
    """The lab needs a whole cluster for the time of the test."""
    changed = replace(lab, scope=Scope.EXCLUSIVE)
    course = get_course()
    chapters = tuple(
        replace(each, labs=tuple(changed if known is lab else known for known in each.labs))
        for each in course.chapters
    )
    monkeypatch.setattr(whole_clusters, "get_course", lambda: replace(course, chapters=chapters))


@pytest.fixture
def wait_in_queue(whole, cluster, lab, redis_client):
    """A new student's session of the lab."""

    def wait_in_queue(name: str) -> LabSession:
        return start_session(start_attempt(get_user_model().objects.create_user(name, language="en"), lab))

    return wait_in_queue


@pytest.fixture
def launcher(monkeypatch, cluster, settings):
    """Somebody who starts netlabs; what they were asked last, and the states they tell."""
    settings.OPTIONS = settings.OPTIONS | {"OWN_NETLABS": 2}
    whole_clusters.register_own_netlabs()
    monkeypatch.setattr(whole_clusters, "has_launcher", lambda: True)
    monkeypatch.setattr(placing, "has_launcher", lambda: True)
    told: dict[int, str] = {}
    asked: list[dict[int, str]] = []
    monkeypatch.setattr(placing, "want_netlabs", lambda wanted: asked.append(wanted) or dict(told))
    return asked, told


def now(session: LabSession) -> LabSession:
    session.refresh_from_db()
    return session


def test_a_cluster_nobody_is_on_is_given_to_the_first(wait_in_queue, cluster):
    first, second = wait_in_queue("first"), wait_in_queue("second")
    assert (first.state, first.cluster) == (SessionState.QUEUED, None)
    serve_queue()
    assert (now(first).state, first.cluster) == (SessionState.PREPARING, cluster)
    assert (now(second).state, second.cluster) == (SessionState.QUEUED, None)


def test_the_place_in_the_queue_is_told_and_moves(wait_in_queue):
    sessions = [wait_in_queue(name) for name in ("first", "second", "third")]
    serve_queue()
    assert "Place in the queue: 2. The first of them is free in 60 minutes" in queue_note(sessions[2])
    end_session(now(sessions[0]), "enough")
    serve_queue()
    assert now(sessions[1]).state == SessionState.PREPARING
    assert "Place in the queue: 1." in queue_note(sessions[2])


def test_a_lab_with_rights_beyond_its_namespaces_gets_a_netlab_of_its_own_only(
    wait_in_queue, launcher, monkeypatch, cluster, attempt
):
    monkeypatch.setattr(whole_clusters, "rights_of", lambda slug: (Right.BALANCER,))
    first = wait_in_queue("first")
    Cluster.objects.filter(slot__isnull=False).delete()
    serve_queue()
    assert now(first).cluster is None
    with pytest.raises(SessionError, match="needs a netlab of its own"):
        wait_in_queue("second")
    with pytest.raises(SessionError, match="needs a netlab of its own"):
        start_session(attempt, cluster=cluster)


def test_a_cluster_that_others_use_is_waited_for(wait_in_queue, session):
    waiting = wait_in_queue("waiting")
    serve_queue()
    assert now(waiting).state == SessionState.QUEUED
    end_session(session, "enough")
    serve_queue()
    assert now(waiting).state == SessionState.PREPARING


def test_nobody_else_is_placed_on_a_cluster_that_is_taken_whole(wait_in_queue, cluster, student):
    wait_in_queue("first")
    serve_queue()
    other = start_attempt(student, get_course().lab("packet-loss"))
    with pytest.raises(SessionError, match="Every cluster is taken"):
        start_session(other)


def test_one_who_chooses_the_cluster_gets_it_or_is_told(wait_in_queue, attempt, cluster, session):
    end_session(session, "enough")
    mine = start_session(attempt, cluster=cluster)
    assert (mine.state, mine.is_exclusive) == (SessionState.PREPARING, True)
    other = get_user_model().objects.create_user("other", language="en")
    with pytest.raises(SessionError, match="needs the whole cluster netlab, and somebody is on it"):
        start_session(start_attempt(other, get_course().lab("ping-and-netcat")), cluster=cluster)


def test_without_any_cluster_that_fits_there_is_no_queue(wait_in_queue):
    Cluster.objects.update(is_healthy=False)
    with pytest.raises(SessionError, match="none that has what it needs is offered"):
        wait_in_queue("first")


def test_each_gets_a_netlab_of_its_own_and_a_third_waits(wait_in_queue, launcher, session):
    asked, told = launcher
    sessions = [wait_in_queue(name) for name in ("first", "second", "third")]
    serve_queue()
    assert [now(each).cluster and each.cluster.slot for each in sessions] == [1, 2, None]
    assert queue_note(sessions[0]) == "A cluster of its own is being started."
    assert "all there are (2) are taken" in queue_note(sessions[2])
    told |= {1: "ready", 2: "starting"}
    tend_own_netlabs()
    assert asked[-1] == {1: str(sessions[0].pk), 2: str(sessions[1].pk)}
    assert [now(each).state for each in sessions[:2]] == [SessionState.PREPARING, SessionState.QUEUED]


def test_a_netlab_is_wanted_no_more_when_its_session_is_over(wait_in_queue, launcher, redis_client):
    asked, _told = launcher
    first = wait_in_queue("first")
    serve_queue()
    end_session(now(first), "enough")
    tend_own_netlabs()
    assert asked[-1] == {}
    assert redis_client.llen("verify") == 0  # there is nothing to clear: it ends as a whole


@pytest.mark.parametrize(
    ("state", "becomes"),
    [(SessionState.QUEUED, SessionState.FAILED), (SessionState.READY, SessionState.GONE)],
)
def test_a_netlab_that_ended_by_itself_takes_its_session_along(wait_in_queue, launcher, state, becomes):
    _asked, told = launcher
    first = wait_in_queue("first")
    serve_queue()
    LabSession.objects.update(state=state)
    told |= {1: "ended"}
    tend_own_netlabs()
    assert now(first).state == becomes


def test_a_session_that_chose_is_not_placed_twice(wait_in_queue, cluster):
    first = wait_in_queue("first")
    assert give_cluster(first, cluster)
    assert not give_cluster(wait_in_queue("second"), cluster)


def test_nobody_who_starts_netlabs_is_told_as_such(settings, tmp_path):
    settings.STATE_DIR = tmp_path
    with pytest.raises(NoLauncher, match="does not answer"):
        want_netlabs({1: "aa"})
