"""The page of one run, and its end before time."""

import pytest
from redis.exceptions import RedisError

from curriculum.enums import Verdict
from k8s_tasks.domain.runs import RunError
from k8s_tasks.enums import RunKind
from k8s_tasks.models import ConditionResult
from tests.portal.conftest import make_run

HTMX = {"HX-Request": "true"}


def test_the_page_shows_the_command_as_one_types_it(world, visit):
    run = make_run(world.session, argv=["sh", "-c", "echo hi"])

    context = visit(world.paula).get(f"/runs/{run.pk}/").context

    assert context["argv_text"] == "sh -c 'echo hi'"
    assert context["student"] == world.alice


def test_a_verification_shows_what_it_found(world, visit, lab):
    run = make_run(world.session, kind=RunKind.VERIFY, step="", pod="")
    for key in ("icmp-reach", "no-longer-there"):
        ConditionResult.objects.create(
            run=run, attempt=world.attempt, condition=key, verdict=Verdict.FAIL, reason={"en": "no"}
        )

    found = visit(world.paula).get(f"/runs/{run.pk}/").context["results"]

    assert [str(each["title"]) for each in found] == [
        lab.condition("icmp-reach").title["en"],
        "no-longer-there",
    ]


def test_a_run_of_a_dropped_lab_is_still_replayed(world, visit):
    world.attempt.lab.slug = "dropped"
    world.attempt.lab.save()
    browser = visit(world.paula)

    assert browser.get(f"/runs/{world.run.pk}/").status_code == 200
    assert browser.get(f"/runs/{world.run.pk}/cast/").status_code == 200
    assert browser.get(f"/classes/{world.classroom.pk}/students/{world.alice.pk}/").status_code == 200


def test_a_cancel_leaves_the_page_as_it_is(world, asked, visit):
    response = visit(world.alice).post(f"/runs/{world.run.pk}/cancel/", headers=HTMX)

    assert (response.status_code, response.content) == (204, b"")
    assert asked.acts == [("cancel_run", world.run)]


@pytest.mark.parametrize(("headers", "told"), [(HTMX, "notice"), ({}, "<html")])
def test_a_refused_cancel_is_told(world, asked, visit, headers, told):
    asked.refusal = RunError("It cannot be stopped.")

    response = visit(world.alice).post(f"/runs/{world.run.pk}/cancel/", headers=headers)

    assert response.status_code == 409
    assert "It cannot be stopped." in response.content.decode()
    assert told in response.content.decode()


def test_the_recording_of_a_live_run_needs_redis(world, visit, monkeypatch):
    run = make_run(world.session, state="running")
    monkeypatch.setattr("portal.runs.as_cast", broken)

    assert visit(world.alice).get(f"/runs/{run.pk}/cast/").status_code == 503


def broken(run):
    raise RedisError
