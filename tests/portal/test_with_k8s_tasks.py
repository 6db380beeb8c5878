"""The doors with the real acts of `k8s_tasks` behind them: only the queue of the workers is not there."""

import pytest

from curriculum.models import Attempt
from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import Run
from tests.portal.conftest import make_session

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

PAGE = "/labs/ping-and-netcat/"
HTMX = {"HX-Request": "true"}


def test_a_session_is_started_once_however_often_one_clicks(world, queued, visit):
    browser = visit(world.bob)

    assert [browser.post(PAGE + "start/").url for _ in range(2)] == [PAGE, PAGE]

    session = Attempt.objects.get(student=world.bob).sessions.get()
    assert (session.state, queued) == (SessionState.PREPARING, ["prepare_session"])


def test_no_session_is_started_where_no_cluster_is_well(world, queued, visit):
    world.session.cluster.is_healthy = False
    world.session.cluster.save()

    response = visit(world.bob).post(PAGE + "start/", headers=HTMX)

    assert (response.status_code, queued) == (409, [])


def test_a_step_runs_what_the_page_shows(world, queued, visit):
    visit(world.alice).post(f"/sessions/{world.session.pk}/steps/ping-near/run/", headers=HTMX)

    assert Run.objects.latest("created_at").argv == ["ping", "-c", "4", "10.244.1.3"]
    assert queued == ["run_command"]


def test_a_step_waits_for_its_prediction(world, queued, visit):
    response = visit(world.alice).post(f"/sessions/{world.session.pk}/steps/ping-across/run/", headers=HTMX)

    assert (response.status_code, queued) == (409, [])


def test_nothing_runs_in_a_session_that_is_over(world, queued, visit):
    ended = make_session(world.attempt, SessionState.ENDED)
    browser = visit(world.alice)

    for door in ("steps/addresses/run/", "terminals/", "verify/", "extend/"):
        response = browser.post(f"/sessions/{ended.pk}/{door}", {"pod": "ana"}, headers=HTMX)
        assert response.status_code == 409, door
    assert queued == []


def test_a_terminal_opens_in_a_pod_of_the_lab_only(world, queued, visit):
    browser, door = visit(world.alice), f"/sessions/{world.session.pk}/terminals/"

    assert browser.post(door, {"pod": "node-agent"}).status_code == 409
    run = Run.objects.get(pk=browser.post(door, {"pod": "beto"}).json()["run"])

    assert (run.pod, run.kind, queued) == ("beto", "terminal", ["run_command"])


def test_a_queued_run_is_stopped_at_once(world, queued, visit):
    browser = visit(world.alice)
    browser.post(f"/sessions/{world.session.pk}/steps/addresses/run/")
    run = Run.objects.latest("created_at")

    browser.post(f"/runs/{run.pk}/cancel/")

    run.refresh_from_db()
    assert run.state == RunState.CANCELLED


def test_a_reset_makes_new_pods_for_the_same_attempt(world, queued, visit):
    visit(world.alice).post(f"/sessions/{world.session.pk}/reset/")

    assert [each.state for each in world.attempt.sessions.all()] == [
        SessionState.PREPARING,
        SessionState.ENDED,
    ]
    assert queued == ["clear_session", "prepare_session"]
