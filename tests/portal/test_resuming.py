"""Where a student goes on."""

import pytest
from django.utils import timezone

from curriculum import domain as work
from curriculum.course import get_course
from curriculum.queries import progress
from k8s_tasks.enums import RunState
from portal.resuming import lab_after, next_place, open_step
from tests.portal.conftest import make_run


def place(user):
    return next_place(user, progress(user))


def finish(session, *steps: str) -> None:
    now = timezone.now()
    for step in steps:
        make_run(session, step=step, state=RunState.SUCCEEDED, started_at=now, ended_at=now)


def test_who_has_not_begun_is_sent_to_the_first_lab(world):
    assert place(world.bob).lab == get_course().labs[0]
    assert not place(world.bob).is_begun


def test_an_open_attempt_goes_on_after_the_last_step_that_was_done(world):
    finish(world.session, "addresses", "routes")
    found = place(world.alice)
    assert (found.lab.slug, found.step.key, found.is_begun) == ("ping-and-netcat", "predict-ttl", True)


@pytest.mark.parametrize(
    ("done", "key"),
    [
        ((), "addresses"),
        (("addresses",), "routes"),
        (("addresses", "capture"), "ping-near"),
        (("send",), None),
    ],
)
def test_a_step_left_out_is_not_gone_back_to(lab, done, key):
    found = open_step(lab, done)
    assert (found.key if found else None) == key


def test_after_a_pass_the_next_lab_follows(world, lab):
    for condition in lab.conditions:
        work.store_pass(world.attempt, condition.key, {"en": "seen"}, {})
    assert place(world.alice).lab == lab_after(lab)


def test_after_the_last_lab_none_follows():
    assert lab_after(get_course().labs[-1]) is None


def test_home_and_chapter_lead_on_with_one_click(world, healthy, visit):
    finish(world.session, "addresses")
    for address in ("/", "/chapters/foundations/"):
        assert 'href="/labs/ping-and-netcat/#step-routes"' in visit(world.alice).get(address).content.decode()


def test_a_passed_lab_leads_to_the_next(world, lab, asked, visit):
    for condition in lab.conditions:
        work.store_pass(world.attempt, condition.key, {"en": "seen"}, {})
    page = visit(world.alice).get("/labs/ping-and-netcat/").content.decode()
    assert f'href="/labs/{lab_after(lab).slug}/" data-continue' in page
