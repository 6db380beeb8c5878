"""What search finds, on the database the tests run with."""

import pytest
from django.core.management import call_command

from curriculum.course import get_course
from curriculum.models import Passage
from curriculum.search import MOST_FOUND, find, index_course
from curriculum.search.marks import Span, mark, snippet
from curriculum.search.passages import passages_of, plain
from curriculum.search.words import words_of
from curriculum.text import LANGUAGES


@pytest.fixture(scope="module")
def indexed(django_db_setup, django_db_blocker):
    """The course's passages, kept for the tests of this file."""
    with django_db_blocker.unblock():
        index_course(get_course())
        yield
        Passage.objects.all().delete()


@pytest.fixture
def look(indexed, db):
    """`look(query, language)`: the addresses found, best first."""
    return lambda query, language="en": [each.passage.address for each in find(query, language)]


@pytest.mark.parametrize(
    ("query", "language", "address"),
    [
        ("ARP: the only", "en", "/chapters/foundations/#arp-the-only-neighbour"),
        ("dns spoofing lying", "en", "/chapters/security/#dns-spoofing-lying-about-the-name"),
        ("conntrack", "en", "/glossary/#conntrack"),
        ("service chain", "en", "/chapters/addressing/#kube-proxy-who-writes-the-rules"),
        ("Start the capture at carla", "en", "/labs/ping-and-netcat/steps/capture/"),
        ("prefixo mais longo", "pt-br", "/glossary/#longest-prefix"),
    ],
)
def test_a_place_is_found_by_its_words(look, query, language, address):
    assert address in look(query, language)


def test_a_term_of_that_name_comes_first(look):
    assert look("mtu")[0] == look("MTU", "pt-br")[0] == "/glossary/#mtu"


def test_accents_and_capitals_do_not_count(look):
    assert look("replica", "pt-br") == look("RÉPLICA", "pt-br") != []


def test_a_beginning_finds_the_word_as_one_types(look):
    assert "/glossary/#retransmission" in look("retransm")
    assert "/glossary/#kube-proxy" in look("kube-prox")


def test_every_word_must_be_there(look):
    assert look("arp zebra") == []


@pytest.mark.parametrize(
    "query", ["", " ", "«»", '"', "AND", "a OR b*", 'x" NEAR("y', "'; --", "-arp", "tcp:*", "\0"]
)
def test_signs_are_no_commands(look, query):
    assert len(look(query)) <= MOST_FOUND


def test_a_page_finds_its_own_language(look):
    assert look("neighbour", "pt-br") == [] == look("vizinho", "en")


def test_finding_asks_the_database_once(look, django_assert_num_queries):
    with django_assert_num_queries(1):
        look("tcp")
    with django_assert_num_queries(0):
        look(" ")


def test_loading_the_course_again_leaves_each_passage_once(db, capsys):
    call_command("load_course")
    count = Passage.objects.count()
    call_command("load_course")
    assert Passage.objects.count() == count > 500
    assert f"{count} passages to search" in capsys.readouterr().out
    found = [each.passage.address for each in find("arp", "en")]
    assert len(found) == len(set(found)) > 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_student_may_not_see_yet_is_not_indexed(language):
    told = "\n".join(each.text for each in passages_of(get_course()) if each.language == language)
    for lab in get_course().labs:
        hidden = [plain(lab.debrief(language))]
        hidden += [plain(hint[language]) for step in lab.steps for hint in step.hints]
        assert not [words for words in hidden if words and words in told], lab.slug


def test_what_is_drawn_for_a_student_stays_open():
    assert plain("<p>port ${port} of <code>ana</code></p><svg><text>x</text></svg>") == "port … of ana"


def test_words_are_cut_at_signs():
    assert words_of("Kube-proxy's CADEIA, 10.244.1.0/24") == [
        "kube",
        "proxy",
        "s",
        "cadeia",
        "10",
        "244",
        "1",
        "0",
        "24",
    ]


def test_found_words_are_marked_whole():
    assert mark("Réplicas do Service", ["replica"]) == [Span("Réplicas", True), Span(" do Service", False)]


def test_a_snippet_shows_where_most_words_stand_together():
    text = f"tcp {'x ' * 60}udp and tcp{' y' * 60}"
    shown = snippet(text, ["tcp", "udp"])
    assert [span.text for span in shown if span.is_found] == ["udp", "tcp"]
    assert shown[0].text == "… " and shown[-1].text == " …"


def test_a_snippet_of_a_short_text_is_the_text():
    assert snippet("Only this.", ["none"]) == [Span("Only this.", False)]
