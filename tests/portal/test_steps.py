"""Steps: their commands, answers and terminals."""

import json
import re

import pytest
from django.utils import timezone
from django.utils.html import escape

from curriculum import domain as work
from curriculum import queries as work_queries
from curriculum.course import get_course
from curriculum.enums import Verdict
from k8s_tasks.domain.runs import RunError
from k8s_tasks.enums import RunKind, RunState
from k8s_tasks.models import ConditionResult
from tests.portal.conftest import make_run, make_session

HTMX = {"HX-Request": "true"}
JSON_TYPE = "application/json"
SAID = {"value": "62", "confidence": "75"}


@pytest.fixture
def step(world):
    """`step("addresses", "run")`: the address of one step's door in Alice's session."""
    return lambda key, door="": f"/sessions/{world.session.pk}/steps/{key}/{door + '/' if door else ''}"


def test_running_a_step_answers_its_fragment_and_says_which_run(world, asked, visit, step):
    response = visit(world.alice).post(step("addresses", "run"), headers=HTMX)

    event = json.loads(response["HX-Trigger"])["run-started"]
    run = world.session.runs.get(state="queued")
    assert event == {"run": str(run.pk), "step": "addresses", "pane": "ana"}
    assert asked.acts == [("start_run", "addresses", world.alice)]


def test_without_javascript_a_run_leads_back_to_the_page(world, asked, visit, step):
    assert visit(world.alice).post(step("addresses", "run")).url == "/labs/ping-and-netcat/"


def test_a_refused_run_is_told(world, asked, visit, step):
    asked.refusal = RunError("Commit your prediction first.")

    response = visit(world.alice).post(step("ping-across", "run"), headers=HTMX)

    assert response.status_code == 409
    assert "Commit your prediction first." in response.content.decode()


@pytest.mark.parametrize("door", ["", "run", "answer"])
def test_an_unknown_step_is_not_found(world, asked, visit, step, door):
    browser = visit(world.alice)
    knock = browser.post if door else browser.get

    assert knock(step("none", door)).status_code == 404


def test_a_prediction_is_committed_and_names_what_it_unlocks(world, asked, visit, step):
    response = visit(world.alice).post(step("predict-ttl", "answer"), SAID, headers=HTMX)

    assert work_queries.answers(world.attempt) == {"predict-ttl": "62"}
    assert 'id="step-predict-ttl"' in response.content.decode()
    assert json.loads(response["HX-Trigger"]) == {"step-changed": {"steps": ["ping-across"]}}


def test_a_prediction_says_how_sure_one_is(world, asked, visit, step):
    response = visit(world.alice).post(step("predict-ttl", "answer"), {"value": "62"}, headers=HTMX)

    assert response.status_code == 422
    assert work_queries.answers(world.attempt) == {}


def test_the_truth_is_shown_beside_a_prediction_when_its_run_is_over(world, asked, visit, step):
    browser = visit(world.alice)
    browser.post(step("predict-ttl", "answer"), SAID | {"value": "64"})
    run = world.session.runs.create(step="ping-across", state=RunState.RUNNING, started_at=timezone.now())
    assert "It came otherwise" not in browser.get(step("predict-ttl")).content.decode()

    world.session.runs.filter(pk=run.pk).update(state=RunState.CANCELLED, ended_at=timezone.now())

    page = browser.get(step("predict-ttl")).content.decode()
    assert "It came otherwise" in page and re.search(r"truth.>\s*62\s*<", page)


def test_a_run_that_could_not_be_had_shows_no_truth(world, asked, visit, step):
    browser = visit(world.alice)
    browser.post(step("predict-ttl", "answer"), SAID)
    failed = {"state": RunState.FAILED, "started_at": timezone.now(), "ended_at": timezone.now()}
    world.session.runs.create(step="ping-across", **failed)

    assert "You were right" not in browser.get(step("predict-ttl")).content.decode()


def test_an_order_is_moved_item_by_item_and_nothing_is_kept(world, asked, visit):
    attempt = work.start_attempt(world.alice, get_course().lab("tcp-and-udp"))
    door = f"/sessions/{make_session(attempt).pk}/steps/predict-order/answer/"
    shown = {"value": ["syn", "ack", "syn-ack", "data", "fin"], "move": "ack down"}

    page = visit(world.alice).post(door, shown, headers=HTMX).content.decode()

    assert re.findall(r'name="value" value="([a-z-]+)"', page) == ["syn", "syn-ack", "ack", "data", "fin"]
    assert work_queries.answers(attempt) == {}


def test_a_second_prediction_is_refused_and_the_first_stays(world, asked, visit, step):
    browser = visit(world.alice)
    browser.post(step("predict-ttl", "answer"), SAID)

    response = browser.post(step("predict-ttl", "answer"), SAID | {"value": "64"}, headers=HTMX)

    assert response.status_code == 422
    assert work_queries.answers(world.attempt) == {"predict-ttl": "62"}


def test_a_refused_answer_is_not_lost(world, asked, visit, step):
    response = visit(world.alice).post(step("answer-ttl", "answer"), {"value": "sixty-two"})

    steps = {each["spec"].key: each for each in response.context["steps"]}
    assert response.status_code == 422
    assert steps["answer-ttl"]["typed"] == "sixty-two"
    assert 'value="sixty-two"' in response.content.decode()


def test_an_answer_leads_back_to_the_page(world, asked, visit, step):
    response = visit(world.alice).post(step("answer-ttl", "answer"), {"value": " 62 "})

    assert response.url == "/labs/ping-and-netcat/"
    assert work_queries.answers(world.attempt) == {"answer-ttl": "62"}


def test_a_terminal_is_opened_with_the_size_of_the_page(world, asked, visit):
    where = f"/sessions/{world.session.pk}/terminals/"

    response = visit(world.alice).post(where, {"pod": "beto", "columns": "132", "rows": "43"})

    assert list(response.json()) == ["run"]
    assert asked.acts == [("start_terminal", "beto", 132, 43)]


@pytest.mark.parametrize("size", [{}, {"columns": "x", "rows": "-3"}, {"columns": "", "rows": "²"}])
def test_an_odd_size_is_replaced_by_the_usual_one(world, asked, visit, size):
    visit(world.alice).post(f"/sessions/{world.session.pk}/terminals/", {"pod": "ana", **size})

    assert asked.acts == [("start_terminal", "ana", 80, 24)]


def test_a_refused_terminal_says_why(world, asked, visit):
    asked.refusal = RunError("There is no such pod.")

    response = visit(world.alice).post(f"/sessions/{world.session.pk}/terminals/", {"pod": "kube-system/x"})

    assert (response.status_code, response.json()) == (409, {"error": "There is no such pod."})


def test_a_hint_is_shown_when_asked_for_and_its_teacher_sees_that(world, visit):
    door = f"/sessions/{world.session.pk}/steps/routes/hint/"
    fragment = visit(world.alice).post(door, {"number": "1"}, headers={"HX-Request": "true"}).content.decode()
    assert fragment.count('class="hint"') == 1
    assert 'name="number" value="2"' in fragment
    page = (
        visit(world.paula).get(f"/classes/{world.classroom.pk}/students/{world.alice.pk}/").content.decode()
    )
    assert "(1/2)" in page


def test_a_hint_that_waits_for_a_failure_is_offered_while_that_is_what_was_found(world, visit):
    lab = get_course().lab("nodeport")
    attempt = work.start_attempt(world.alice, lab)
    session = make_session(attempt)
    browser, address = visit(world.alice), f"/sessions/{session.pk}/steps/local/"
    title = escape(lab.condition("kept").title.current())
    offer = f"Show a hint to what the last check found about “{title}”"
    assert offer not in browser.get(address).content.decode()

    run = make_run(session, kind=RunKind.VERIFY, step="")
    told = {
        "run": run,
        "attempt": attempt,
        "condition": "kept",
        "verdict": Verdict.FAIL,
        "reason": {"en": "no"},
    }
    ConditionResult.objects.create(**told, code="wrong-address")
    assert offer in browser.get(address).content.decode()
    assert (
        "every node rewrites"
        in browser.post(f"{address}hint/", {"number": "1"}, headers=HTMX).content.decode()
    )

    ConditionResult.objects.create(**told, code="not-captured")
    page = browser.get(address).content.decode()
    assert "every node rewrites" in page, "what was opened stays"


def test_a_hint_whose_failure_is_not_there_cannot_be_opened(world, visit):
    attempt = work.start_attempt(world.alice, get_course().lab("nodeport"))
    door = f"/sessions/{make_session(attempt).pk}/steps/local/hint/"

    assert visit(world.alice).post(door, {"number": "1"}, headers=HTMX).status_code == 422


def test_a_rung_cannot_be_skipped(world, visit):
    refused = visit(world.alice).post(f"/sessions/{world.session.pk}/steps/routes/hint/", {"number": "2"})
    assert refused.status_code == 422
    assert not world.session.attempt.hints.exists()
