"""A session's time, its end, its verdicts."""

import json

import pytest
from redis.exceptions import RedisError

from curriculum.enums import Verdict
from k8s_tasks.domain.sessions import SessionError
from k8s_tasks.models import ConditionResult

PAGE = "/labs/ping-and-netcat/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def door(world):
    return lambda name: f"/sessions/{world.session.pk}/{name}/"


def make_result(world, reason: str, verdict=Verdict.FAIL) -> ConditionResult:
    return ConditionResult.objects.create(
        run=world.run,
        attempt=world.attempt,
        condition="icmp-reach",
        verdict=verdict,
        reason={"pt-br": f"{reason} (pt)", "en": reason},
    )


def test_more_time_answers_the_status(world, asked, visit, door):
    response = visit(world.alice).post(door("extend"), headers=HTMX)

    assert 'id="status"' in response.content.decode()
    assert asked.acts == [("extend_session", world.session)]


@pytest.mark.parametrize("name", ["reset", "end"])
def test_after_a_reset_or_an_end_the_whole_page_comes_again(world, asked, visit, door, name):
    browser = visit(world.alice)

    assert browser.post(door(name), headers=HTMX)["HX-Redirect"] == PAGE
    assert browser.post(door(name)).url == PAGE
    assert [act[0] for act in asked.acts] == [f"{name}_session"] * 2


def test_a_refused_extension_is_told(world, asked, visit, door):
    asked.refusal = SessionError("The session has ended.")

    assert "The session has ended." in visit(world.alice).post(door("extend")).content.decode()


@pytest.mark.parametrize("headers", [HTMX, {}])
def test_a_broken_redis_is_told_without_its_address(world, asked, visit, door, headers):
    asked.refusal = RedisError("/tmp/redis.sock does not exist")

    response = visit(world.alice).post(door("end"), headers=headers)

    assert response.status_code == 503
    assert "Try again in a moment." in response.content.decode()
    assert "redis.sock" not in response.content.decode()


def test_a_verification_answers_the_verdicts_and_says_which_run(world, asked, visit, door):
    response = visit(world.alice).post(door("verify"), headers=HTMX)

    run = world.session.runs.get(kind="verify")
    assert json.loads(response["HX-Trigger"])["run-started"] == {"run": str(run.pk), "step": "", "pane": ""}
    assert 'id="verdicts"' in response.content.decode()
    assert asked.acts == [("start_verification", world.alice)]


def test_verdicts_show_the_newest_reason_in_the_language_of_the_reader(world, asked, visit, door):
    make_result(world, "nothing arrived")
    make_result(world, "no probe came back", Verdict.UNDECIDED)
    world.paula.language = "pt-br"
    world.paula.save()

    assert "no probe came back" in visit(world.alice).get(door("verdicts")).content.decode()
    assert "no probe came back (pt)" in visit(world.paula).get(door("verdicts")).content.decode()
    assert "nothing arrived" not in visit(world.alice).get(door("verdicts")).content.decode()


def test_what_a_pod_says_is_text_wherever_it_is_shown(world, asked, visit, door):
    hostile = "<script>alert(1)</script>\x1b]52;c;aGk=\x07"
    make_result(world, hostile)
    pages = [door("verdicts"), PAGE]
    of_teacher = [
        f"/classes/{world.classroom.pk}/?lab=ping-and-netcat",
        f"/classes/{world.classroom.pk}/students/{world.alice.pk}/",
    ]

    shown = [visit(world.alice).get(page).content.decode() for page in pages]
    shown += [visit(world.paula).get(page).content.decode() for page in of_teacher]

    assert all("&lt;script&gt;alert(1)" in page for page in shown)
    assert not any("<script>alert" in page for page in shown)


def test_the_topology_is_what_the_cluster_said(world, asked, visit, door):
    topology = visit(world.alice).get(door("topology")).json()

    assert [pod["address"] for pod in topology["pods"]] == ["10.244.1.2", "10.244.1.3", "10.244.2.2"]
