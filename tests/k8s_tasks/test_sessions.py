"""Sessions as rows: how many, how long, and how they end."""

from datetime import timedelta

import pytest
from django.utils import timezone

from curriculum.domain import start_attempt
from k8s_tasks import queries
from k8s_tasks.domain.clusters import mark_healthy, mark_ill
from k8s_tasks.domain.runs import start_run
from k8s_tasks.domain.sessions import (
    SessionError,
    end_session,
    expire_sessions,
    extend_session,
    reset_session,
    start_session,
    update_pods,
)
from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import LabSession
from tests.pods import pod

pytestmark = pytest.mark.django_db(transaction=True)


def left(session) -> timedelta:
    return session.expires_at - timezone.now()


def test_a_session_is_prepared_by_a_worker(attempt, cluster, redis_client):
    session = start_session(attempt)
    assert (session.state, session.cluster) == (SessionState.PREPARING, cluster)
    assert session.namespace.startswith("ping-and-netcat-")
    assert redis_client.llen("verify") == 1


def test_two_clicks_on_start_are_one_session(attempt, cluster, redis_client):
    assert start_session(attempt) == start_session(attempt)


def test_a_student_has_so_many_sessions(student, lab, cluster, redis_client):
    for _ in range(2):
        start_session(start_attempt(student, lab))
    with pytest.raises(SessionError, match="too many"):
        start_session(start_attempt(student, lab))


def test_without_a_healthy_cluster_there_is_no_session(attempt, cluster, redis_client):
    mark_ill(cluster, "refused")
    with pytest.raises(SessionError, match="No cluster"):
        start_session(attempt)


def test_an_end_stops_what_runs_and_clears_the_namespace(session, lab, student, redis_client):
    run = start_run(session, lab.step("addresses"), user=student)
    end_session(session, "enough")
    run.refresh_from_db()
    assert (run.state, session.state, session.message) == (RunState.CANCELLED, SessionState.ENDED, "enough")
    assert redis_client.llen("verify") == 1


def test_a_reset_is_a_new_session_of_the_same_attempt(session):
    fresh = reset_session(session)
    assert (session.state, fresh.state) == (SessionState.ENDED, SessionState.PREPARING)
    assert fresh.attempt == session.attempt
    assert fresh.namespace != session.namespace


def test_a_session_warns_five_minutes_before_its_end_and_then_ends(session):
    set_time_left(session, minutes=4)
    expire_sessions()
    assert LabSession.objects.get().state == SessionState.EXPIRING
    set_time_left(session, minutes=-1)
    expire_sessions()
    assert LabSession.objects.get().state == SessionState.ENDED


def test_an_extended_session_is_ready_again(session):
    set_time_left(session, minutes=4)
    expire_sessions()
    session.refresh_from_db()
    extend_session(session)
    assert session.state == SessionState.READY
    assert left(session) > timedelta(minutes=59)


def test_a_session_that_is_over_cannot_be_extended(session):
    end_session(session, "enough")
    with pytest.raises(SessionError, match="over"):
        extend_session(session)


def test_a_session_nobody_prepares_fails(attempt, cluster, redis_client):
    start_session(attempt)
    LabSession.objects.update(placed_at=timezone.now() - timedelta(minutes=4))
    expire_sessions()
    assert LabSession.objects.get().state == SessionState.FAILED


def test_another_cluster_behind_the_address_takes_its_sessions_away(session, cluster, redis_client):
    mark_healthy(cluster, version="v1.36.0", uid="one")
    assert LabSession.objects.get().state == SessionState.READY
    mark_healthy(cluster, version="v1.36.0", uid="two")
    assert LabSession.objects.get().state == SessionState.GONE
    assert redis_client.llen("verify") == 0  # there is nothing to clear


def test_a_moved_pod_is_shown_and_named_in_commands(session):
    moved = [pod("ana", 1), pod("beto", 1, 3), pod("carla", 2, 9)]
    assert update_pods(session.namespace, moved)
    assert not update_pods(session.namespace, moved)
    session.refresh_from_db()
    assert queries.step_values(session)["carla"]["ip"] == "10.244.2.9"


def test_a_deleted_pod_stays_in_the_picture_as_gone(session):
    update_pods(session.namespace, [pod("ana", 1), pod("beto", 1, 3)])
    session.refresh_from_db()
    carla = queries.topology(session)["pods"][2]
    assert (carla["name"], carla["phase"], carla["address"]) == ("carla", "Gone", "10.244.2.2")


def set_time_left(session, **time):
    LabSession.objects.update(expires_at=timezone.now() + timedelta(**time))
