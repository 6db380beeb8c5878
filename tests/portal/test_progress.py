"""A student's own progress: the map, the time at work, and what few answers do not say."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from curriculum.course import get_course
from curriculum.domain import record_prediction, start_attempt, store_pass
from curriculum.enums import Confidence
from curriculum.models import Attempt
from k8s_tasks.models import Run
from portal.standing import TOPICS, Strength, minutes_at_work, topics_of
from tests.portal.conftest import make_run

SEEN = {"en": "Seen.", "pt-br": "Visto."}
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def page(world, visit):
    return lambda: visit(world.alice).get("/progress/")


def tile(page, slug: str):
    return next(each for row in page.context["map"] for each in row["tiles"] if each.lab.slug == slug)


def test_every_lab_and_chapter_stands_on_a_topic_of_the_book():
    books = [each.tanenbaum for each in (*get_course().chapters, *get_course().labs)]
    assert all(topics_of(book) for book in books)
    assert {topic for book in books for topic in topics_of(book)} <= TOPICS.keys()


def test_the_map_tells_labs_apart(page, world, lab):
    store_pass(world.attempt, lab.conditions[0].key, SEEN, {})
    assert (tile(page(), lab.slug).state, tile(page(), lab.slug).proven) == ("begun", 1)

    for condition in lab.conditions:
        store_pass(world.attempt, condition.key, SEEN, {})
    assert tile(page(), lab.slug).state == "passed"
    assert tile(page(), "cidr").state in ("open", "recorded")


def test_a_lab_that_cannot_run_here_is_shown_with_the_reason(page, monkeypatch):
    monkeypatch.setattr("k8s_tasks.queries.why_no_cluster_fits", lambda lab: "There is no eBPF here.")

    found = tile(page(), "cidr")

    assert (found.state, found.why_not) == ("recorded", "There is no eBPF here.")
    assert "There is no eBPF here." in page().content.decode()


def test_every_lab_of_the_course_is_on_the_map(page):
    tiles = [each.lab.slug for row in page().context["map"] for each in row["tiles"]]
    assert tiles == [lab.slug for lab in get_course().labs]


def test_a_long_pause_is_no_time_at_work(world):
    Run.objects.all().delete()
    Attempt.objects.update(started_at=NOON)
    for minute in (4, 9, 120, 123):
        begun = NOON + timedelta(minutes=minute)
        run = make_run(world.session)
        Run.objects.filter(pk=run.pk).update(created_at=begun, ended_at=begun + timedelta(minutes=1))

    assert minutes_at_work(world.alice) == {"ping-and-netcat": 10 + 4}
    assert minutes_at_work(world.bob) == {}


def test_few_answers_are_told_as_few():
    few = Strength(5, "The network layer")
    few.count("predictions", right=9, tried=9)
    many = Strength(5, "The network layer")
    many.count("predictions", right=9, tried=9)
    many.count("questions", right=0, tried=3)

    assert few.is_few and not many.is_few
    assert many.share == 75
    low, high = many.between
    assert low < 50 and high > 90


def test_a_prediction_counts_for_every_topic_of_its_lab_once_its_run_is_over(page, world, lab):
    step = next(step for step in lab.steps if step.prediction)
    record_prediction(world.attempt, step, "62", Confidence.values[0])
    assert all(not each.said for each in page().context["strengths"])

    run = next(each for each in lab.steps if each.before == step.key)
    make_run(world.session, step=run.key, started_at=NOON, ended_at=NOON)
    told = {each.topic: each.said for each in page().context["strengths"]}
    assert told == dict.fromkeys(topics_of(lab.tanenbaum), 1)


def test_it_asks_as_often_for_three_attempts_as_for_one(page, world, lab):
    with CaptureQueriesContext(connection) as for_one:
        page()
    for _ in range(2):
        start_attempt(world.alice, lab)
    with CaptureQueriesContext(connection) as for_three:
        page()

    assert len(for_three) == len(for_one)


def test_who_has_done_nothing_is_told_how_to_begin(visit, world):
    page = visit(world.paula).get("/progress/").content.decode()
    assert "Begin a lab or a quiz" in page and "None yet" in page
