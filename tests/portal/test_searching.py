"""Search as a page and as one types, and the way to a step that was found."""

import pytest
from django.test import Client

from curriculum.course import get_course
from curriculum.search import index_course
from k8s_tasks.enums import SessionState


@pytest.fixture
def read(db, healthy):
    """`read(address, **headers)`: what an English reader without an account gets."""
    index_course(get_course())
    browser = Client()
    browser.post("/language/", {"language": "en", "next": "/"})
    return lambda address, **headers: browser.get(address, headers=headers).content.decode()


def test_what_is_found_is_marked_and_leads_to_its_section(read):
    page = read("/search/?q=only+neigh")
    assert 'href="/chapters/foundations/#arp-the-only-neighbour"' in page
    assert "<mark>neighbour</mark>" in page


def test_typing_gets_the_list_alone(read):
    page = read("/search/?q=mtu", **{"HX-Request": "true"})
    assert "<html" not in page and 'href="/glossary/#mtu"' in page


def test_what_was_typed_is_no_html(read):
    page = read("/search/?q=<script>alert(1)</script>")
    assert "<script>alert(1)" not in page


def test_nothing_found_says_so_and_offers_what_is_spelled_alike(read):
    page = read("/search/?q=contrack")
    assert "Nothing in the course has all these words" in page
    assert 'href="/glossary/#conntrack"' in page


def test_an_empty_search_says_what_can_be_found(read):
    assert "Theory, labs, steps and the glossary" in read("/search/")


@pytest.mark.parametrize(
    ("person", "state", "place"),
    [
        ("alice", SessionState.READY, "/labs/ping-and-netcat/#step-capture"),
        ("alice", SessionState.ENDED, "/labs/ping-and-netcat/recording/#step-capture"),
        ("bob", SessionState.READY, "/labs/ping-and-netcat/recording/#step-capture"),
        (None, SessionState.READY, "/labs/ping-and-netcat/recording/#step-capture"),
    ],
)
def test_a_step_is_shown_where_it_can_be_read(world, visit, person, state, place):
    world.session.state = state
    world.session.save()
    answer = visit(world.people().get(person)).get("/labs/ping-and-netcat/steps/capture/")
    assert answer.url == place


def test_an_unknown_step_is_not_found(world, visit):
    assert visit(world.alice).get("/labs/ping-and-netcat/steps/nowhere/").status_code == 404
