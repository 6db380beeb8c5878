"""Plots below a step: the points its lab's steps printed, as a table that a script draws."""

import json

from django.utils import timezone

from curriculum import domain as work
from curriculum.course import get_course
from portal.lab_page import Sitting, steps_context
from tests.portal.conftest import keep_transcript, make_run, make_session

LAB = "window-and-congestion"


def printed(session, step: str, *lines: str, ended: bool = True):
    run = make_run(session, step=step, ended_at=timezone.now() if ended else None)
    keep_transcript(run, json.dumps([0.1, "o", "".join(f"{line}\r\n" for line in lines)]))
    return run


def session_of(world):
    lab = get_course().lab(LAB)
    return make_session(work.start_attempt(world.alice, lab))


def plot_at(session, step: str):
    steps = steps_context(Sitting(get_course().lab(LAB), session.attempt, session), {})
    (plot,) = next(each["plots"] for each in steps if each["spec"].key == step)
    return plot


def test_a_plot_gathers_what_all_steps_printed(world, redis_client):
    session = session_of(world)
    printed(session, "far-80", "rtt measured 80.5 3.02", "rtt bound 80.5 3.26")
    printed(session, "near", "cubic to 10.244.1.2", "rtt measured 0.1 742")
    assert [(row.x, row.values) for row in plot_at(session, "far-80").rows] == [
        (0.1, (742, None)),
        (80.5, (3.02, 3.26)),
    ]


def test_of_a_step_that_was_run_again_only_the_newest_run_counts(world, redis_client):
    session = session_of(world)
    printed(session, "near", "rtt measured 0.1 742")
    printed(session, "near", "rtt measured 0.2 650")
    assert [row.x for row in plot_at(session, "far-80").rows] == [0.2]


def test_the_page_shows_the_figures_in_a_table(world, visit, redis_client):
    session = session_of(world)
    printed(session, "near", "rtt measured 0.1 742.5")
    page = visit(world.alice).get(f"/sessions/{session.pk}/steps/far-80/").content.decode()
    assert 'id="plot-far-80-rtt"' in page
    assert '<th scope="row" data-value="0.1">' in page
    assert 'data-value="742.5"' in page


def test_before_anything_was_run_there_is_nothing_to_draw(world, visit, redis_client):
    page = visit(world.alice).get(f"/sessions/{session_of(world).pk}/steps/far-80/").content.decode()
    assert "Nothing to draw yet" in page
    assert "data-plot-area" not in page
