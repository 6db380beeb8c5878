"""Where a new session goes when there are several clusters, and what becomes of those of a silent one."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from curriculum.domain import start_attempt
from k8s_tasks.domain.clusters import mark_healthy, mark_ill
from k8s_tasks.domain.sessions import SessionError, lose_sessions_of_silent_clusters, start_session
from k8s_tasks.enums import SessionState
from k8s_tasks.models import Cluster, LabSession


@pytest.fixture(autouse=True)
def handed_over(monkeypatch):
    monkeypatch.setattr("k8s_tasks.domain.sessions.enqueue", lambda task, id: None)


@pytest.fixture
def fleet(db):
    """Makes clusters: fleet(a={"capacity": 2}, b={})."""

    def make(**clusters):
        for name, facts in clusters.items():
            Cluster.objects.create(name=name, kubeconfig_path="/none", uid=name, is_healthy=True, **facts)

    return make


@pytest.fixture
def begin(lab):
    """Starts sessions of so many new students; the names of their clusters."""

    def begin(count: int) -> list[str]:
        people = get_user_model().objects
        first = people.count()
        students = [people.create_user(f"student-{first + n}", language="en") for n in range(count)]
        return [start_session(start_attempt(student, lab)).cluster.name for student in students]

    return begin


def test_the_default_takes_them_while_it_has_room_then_the_emptiest(fleet, begin):
    fleet(a={"capacity": 4}, b={"capacity": 2}, own={"capacity": 2, "is_default": True})
    assert begin(7) == ["own", "own", "a", "b", "a", "a", "b"]


def test_when_all_are_full_it_says_so_and_makes_nothing(fleet, begin):
    fleet(a={"capacity": 1})
    begin(1)
    with pytest.raises(SessionError, match="All places on the clusters are taken"):
        begin(1)
    assert LabSession.objects.count() == 1


def test_an_ended_session_gives_its_place_back(fleet, begin):
    fleet(a={"capacity": 1})
    begin(1)
    LabSession.objects.update(state=SessionState.ENDED)
    assert begin(1) == ["a"]


def test_a_drained_cluster_keeps_its_sessions_and_takes_no_new_ones(fleet, begin):
    fleet(a={}, b={})
    begin(1)
    Cluster.objects.filter(name="a").update(takes_new=False)
    assert begin(2) == ["b", "b"]
    Cluster.objects.update(takes_new=False)
    with pytest.raises(SessionError, match="No cluster takes new sessions"):
        begin(1)
    assert LabSession.objects.filter(cluster__name="a", state=SessionState.PREPARING).exists()


def silent_for(cluster: Cluster, seconds: int) -> None:
    Cluster.objects.filter(pk=cluster.pk).update(silent_since=timezone.now() - timedelta(seconds=seconds))


def test_a_cluster_is_silent_from_its_first_missing_answer_to_its_next_answer(cluster):
    mark_ill(cluster, "refused")
    first = Cluster.objects.get().silent_since
    mark_ill(cluster, "still refused")
    assert first and Cluster.objects.get().silent_since == first
    mark_healthy(cluster, version="v1.36", uid="one")
    assert Cluster.objects.get().silent_since is None


def test_sessions_of_a_silent_cluster_wait_a_minute_and_then_say_what_to_do(session, cluster):
    silent_for(cluster, 50)
    lose_sessions_of_silent_clusters()
    session.refresh_from_db()
    assert session.state == SessionState.READY

    silent_for(cluster, 61)
    lose_sessions_of_silent_clusters()
    session.refresh_from_db()
    assert (session.state, session.message) == (
        SessionState.GONE,
        "The cluster netlab no longer answers. Start again: what was proven stays.",
    )
