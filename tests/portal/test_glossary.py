"""The glossary as it is read, and the terms that pages explain."""

import re

import pytest
from django.test import Client

from curriculum.course import get_course


def read(browser, address: str, language: str = "en") -> str:
    browser.post("/language/", {"language": language, "next": "/"})
    return browser.get(address).content.decode()


@pytest.mark.parametrize(("language", "first"), [("pt-br", "ack"), ("en", "ack")])
def test_the_glossary_holds_every_term_in_the_order_of_the_language(db, healthy, language, first):
    page = read(Client(), "/glossary/", language)
    keys = re.findall(r'class="entry" id="([a-z0-9-]+)"', page)
    assert keys[0] == first
    assert sorted(keys) == sorted(get_course().glossary)


def test_accents_do_not_change_the_order(db, healthy):
    page = read(Client(), "/glossary/", "pt-br")
    assert page.index('id="port"') < page.index('id="replica"') < page.index('id="rst"')


def test_a_chapter_explains_the_terms_it_marks(db, healthy):
    page = read(Client(), "/chapters/foundations/")
    marked = set(re.findall(r'href="/glossary/#([a-z0-9-]+)"', page))
    explained = set(re.findall(r'data-term="([a-z0-9-]+)"', page))
    assert "arp" in marked and marked == explained


def test_a_lab_and_its_recording_explain_the_terms_they_mark(world, healthy, visit):
    for address in ("/labs/ping-and-netcat/", "/labs/ping-and-netcat/recording/"):
        page = visit(world.alice).get(address).content.decode()
        marked = set(re.findall(r'href="/glossary/#([a-z0-9-]+)"', page))
        assert marked and marked <= set(re.findall(r'data-term="([a-z0-9-]+)"', page))
