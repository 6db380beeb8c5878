"""A chapter on paper."""

import re

import pytest
from django.test import Client

from curriculum.course import get_course
from curriculum.search.passages import plain


@pytest.mark.parametrize("slug", ["foundations", "security"])
def test_a_chapter_is_printed_whole_with_its_labs_and_terms(db, healthy, slug):
    page = Client().get(f"/chapters/{slug}/print/").content.decode()
    chapter = get_course().chapter(slug)
    assert all(f'id="{anchor}"' in page for anchor, _ in chapter.sections("pt-br"))
    assert all(f'id="lab-{lab.slug}"' in page for lab in chapter.labs)
    marked = set(re.findall(r'href="/glossary/#([a-z0-9-]+)"', page))
    assert marked == set(re.findall(r'data-term="([a-z0-9-]+)"', page))


def test_paper_holds_no_hint_and_no_debrief(db, healthy):
    page = plain(Client().get("/chapters/foundations/print/").content.decode())
    for lab in get_course().chapter("foundations").labs:
        hidden = [lab.debrief("pt-br"), *(hint["pt-br"] for step in lab.steps for hint in step.hints)]
        assert not [words for words in map(plain, hidden) if words in page]


def test_a_command_on_paper_says_where_it_is_typed(db, healthy):
    page = Client().get("/chapters/addressing/print/").content.decode()
    assert '<pre class="paper-code">ana$ kubectl get pods -o wide' in page
    assert '<pre class="paper-code">control$ sh -c ' in page
    assert '<pre class="paper-code">worker2$ tcpdump ' in page
