"""A lab's page and the start of its session."""

from django.contrib.messages import get_messages

from curriculum import domain as work
from curriculum.enums import Confidence
from curriculum.models import Attempt
from k8s_tasks.domain.sessions import SessionError, TooManySessions
from k8s_tasks.enums import SessionState

PAGE = "/labs/ping-and-netcat/"
HTMX = {"HX-Request": "true"}


def test_the_page_before_the_first_attempt_only_tells(world, asked, visit):
    context = visit(world.bob).get(PAGE).context

    assert (context["attempt"], context["session"], context["timer"]) == (None, None, None)
    assert context["cannot_start"] is None
    assert {step["argv_text"] for step in context["steps"]} == {""}


def test_the_first_start_begins_an_attempt_and_a_session(world, asked, visit):
    response = visit(world.bob).post(PAGE + "start/")

    attempt = Attempt.objects.get(student=world.bob)
    assert response.url == PAGE
    assert asked.acts == [("start_session", attempt)]


def test_a_start_while_a_session_lives_starts_no_other(world, asked, visit):
    visit(world.alice).post(PAGE + "start/")

    assert asked.acts == []


def test_a_start_after_the_session_ended_goes_on_with_the_attempt(world, asked, visit):
    world.session.state = SessionState.GONE
    world.session.save()

    visit(world.alice).post(PAGE + "start/")

    assert asked.acts == [("start_session", world.attempt)]


def test_beginning_again_ends_the_old_session_and_makes_another_attempt(world, asked, visit):
    visit(world.alice).post(PAGE + "start/", {"again": "1"})

    newest = Attempt.objects.filter(student=world.alice).latest("started_at")
    assert newest != world.attempt
    assert asked.acts == [("end_session", world.session), ("start_session", newest)]


def test_a_refused_start_says_why_on_the_page(world, asked, visit):
    asked.refusal = SessionError("Every place is taken.")

    response = visit(world.bob).post(PAGE + "start/")

    assert response.status_code == 409
    assert [str(message) for message in get_messages(response.wsgi_request)] == ["Every place is taken."]
    assert "Every place is taken." in response.content.decode()


def test_a_refused_start_is_a_notice_to_htmx(world, asked, visit):
    asked.refusal = SessionError("Every <b>place</b> is taken.")

    response = visit(world.bob).post(PAGE + "start/", headers=HTMX)

    assert (response.status_code, response["HX-Retarget"]) == (409, "#notices")
    assert "Every &lt;b&gt;place&lt;/b&gt; is taken." in response.content.decode()


def test_too_many_sessions_are_told_with_the_way_to_them(world, asked, visit):
    asked.refusal = TooManySessions("Too many.")

    by_htmx = visit(world.bob).post(PAGE + "start/", headers=HTMX)
    by_page = visit(world.bob).post(PAGE + "start/")

    for response in (by_htmx, by_page):
        assert 'Too many. <a href="/my-labs/">' in response.content.decode()


def test_commands_are_shown_as_they_will_run(world, asked, visit):
    steps = {each["spec"].key: each for each in visit(world.alice).get(PAGE).context["steps"]}

    port, nonce = world.attempt.parameters["port"], world.attempt.parameters["nonce"]
    assert steps["ping-near"]["argv_text"] == "ping -c 4 10.244.1.3"
    assert steps["send"]["argv_text"] == f"sh -c 'echo {nonce} | nc -nvN 10.244.2.2 {port}'"


def test_no_command_is_shown_for_a_pod_that_is_gone(world, asked, visit):
    world.session.bindings = {"nodes": [], "pods": []}
    world.session.save()

    steps = {each["spec"].key: each for each in visit(world.alice).get(PAGE).context["steps"]}

    assert steps["ping-near"]["argv_text"] == ""
    assert steps["routes"]["argv_text"] == "ip route"


def test_a_step_waits_for_its_prediction(world, asked, visit, lab):
    def is_locked():
        steps = visit(world.alice).get(PAGE).context["steps"]
        return next(each["is_locked"] for each in steps if each["spec"].key == "ping-across")

    assert is_locked()
    work.record_prediction(world.attempt, lab.step("predict-ttl"), "62", Confidence.SURE)
    assert not is_locked()


def test_the_timer_tells_what_is_left(world, asked, visit):
    timer = visit(world.alice).get(PAGE).context["timer"]

    assert timer["expires_at"] == world.session.expires_at.isoformat()
    assert 1700 < timer["seconds_left"] <= 1800


def test_the_page_says_which_service_is_missing(world, asked, visit, healthy):
    healthy["streams"] = {"ok": False, "detail": "is not running"}

    assert "streams" in visit(world.bob).get(PAGE).context["cannot_start"]


def test_the_page_says_why_there_is_no_cluster(world, asked, visit, healthy):
    healthy["cluster:netlab"] = {"ok": False, "detail": "User namespaces are barred."}

    assert "User namespaces are barred." in visit(world.bob).get(PAGE).context["cannot_start"]


def test_an_unknown_lab_is_not_found(world, asked, visit):
    browser = visit(world.alice)

    assert browser.get("/labs/none/").status_code == 404
    assert browser.post("/labs/none/start/").status_code == 404
