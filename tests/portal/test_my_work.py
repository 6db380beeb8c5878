"""A student finds every try of their own: what was proven, when, and each run."""

from curriculum import domain as work
from k8s_tasks.enums import SessionState
from tests.portal.conftest import make_run, make_session


def test_ones_own_attempts_are_listed_with_what_was_proven_and_each_run(world, visit):
    work.store_pass(world.attempt, "icmp-reach", {"en": "reached"}, {})

    response = visit(world.alice).get("/my-labs/")

    (attempt,) = response.context["attempts"]
    proven = {cell["condition"].key for cell in attempt["conditions"] if cell["passed"]}
    assert (attempt["attempt"], proven) == (world.attempt, {"icmp-reach"})
    assert f"/runs/{world.run.pk}/" in response.content.decode()


def test_nobody_elses_work_is_there(world, visit):
    for person in (world.bob, world.paula, world.root):
        assert visit(person).get("/my-labs/").context["attempts"] == []


def test_it_asks_as_often_for_three_attempts_as_for_one(world, lab, visit, django_assert_num_queries):
    browser = visit(world.alice)
    with django_assert_num_queries(13):
        browser.get("/my-labs/")
    for _ in range(2):
        make_run(make_session(work.start_attempt(world.alice, lab)))
    with django_assert_num_queries(13):
        assert len(browser.get("/my-labs/").context["attempts"]) == 3


def test_open_sessions_stand_first_and_can_be_ended_there(world, asked, visit):
    browser, end = visit(world.alice), f"/sessions/{world.session.pk}/end/"
    assert f'action="{end}"' in browser.get("/my-labs/").content.decode()

    response = browser.post(end, {"from": "my-work"})

    assert (response.status_code, response["Location"]) == (302, "/my-labs/")
    assert asked.acts == [("end_session", world.session)]


def test_a_session_that_is_over_is_not_open(world, visit):
    world.session.state = SessionState.ENDED
    world.session.save()
    assert visit(world.alice).get("/my-labs/").context["open_sessions"] == []
