"""The course as it is read, by visitors and by students."""

import pytest
from django.test import Client

from curriculum import domain as work
from tests.portal.conftest import make_run


def test_a_visitor_reads_the_six_chapters_in_order(db, healthy):
    context = Client().get("/").context

    assert [chapter.number for chapter in context["course"].chapters] == [1, 2, 3, 4, 5, 6]
    assert context["progress"] == {}


def test_a_student_sees_their_own_progress_only(world, healthy, visit):
    work.store_pass(world.attempt, "icmp-reach", {"en": "reached"}, {})

    assert visit(world.alice).get("/").context["progress"]["ping-and-netcat"]["passed"] == 1
    assert visit(world.bob).get("/").context["progress"]["ping-and-netcat"]["passed"] == 0


def test_every_chapter_has_a_page_and_says_what_it_will_hold(db, healthy):
    browser = Client()

    for chapter in browser.get("/").context["course"].chapters:
        page = browser.get(f"/chapters/{chapter.slug}/").content.decode()
        assert all(planned.number in page for planned in chapter.planned)


def test_an_unknown_chapter_is_not_found(db, healthy):
    assert Client().get("/chapters/seven/").status_code == 404


def test_home_asks_the_database_as_often_for_three_attempts_as_for_one(
    world, lab, healthy, visit, django_assert_num_queries
):
    browser = visit(world.alice)
    with django_assert_num_queries(7):
        browser.get("/")
    for _ in range(2):
        work.start_attempt(world.alice, lab)
    with django_assert_num_queries(7):
        browser.get("/")


def test_the_lab_page_asks_as_often_for_three_runs_as_for_one(
    world, asked, visit, django_assert_max_num_queries
):
    browser = visit(world.alice)
    with django_assert_max_num_queries(21) as before:
        browser.get("/labs/ping-and-netcat/")
    for step in ("addresses", "routes", "capture"):
        make_run(world.session, step=step)
    with django_assert_max_num_queries(len(before)):
        browser.get("/labs/ping-and-netcat/")


@pytest.mark.parametrize(("language", "title"), [("pt-br", "ping e netcat"), ("en", "ping and netcat")])
def test_the_course_speaks_the_language_of_the_reader(db, healthy, language, title):
    browser = Client()
    browser.post("/language/", {"language": language, "next": "/"})

    assert title in browser.get("/chapters/foundations/").content.decode()
