"""Markdown in, safe HTML out."""

from html.parser import HTMLParser
from pathlib import Path

import pytest

from curriculum.prose import TAGS, Page, read_lab_text, read_theory


def page(problems=None) -> Page:
    figures = {"cable": {"en": "<figure>cable</figure>"}}
    return Page(
        Path("en.md"), "en", figures, frozenset({"ping-and-netcat"}), [] if problems is None else problems
    )


class Elements(HTMLParser):
    """What a browser would make of the page."""

    def __init__(self):
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](javascript:alert(1))",
        "<svg><script>alert(1)</script></svg>",
        "[x](https://example.org \"a' onmouseover='alert(1)\")",
        '::: note\n<iframe src="//example.org"></iframe>\n:::',
        "```console\n</code></pre><script>alert(1)</script>\n```",
        '<a href="lab:ping-and-netcat" style="position:fixed">x</a>',
    ],
)
def test_hostile_markdown_leaves_no_active_html(hostile):
    found = Elements()
    found.feed(read_theory(hostile, page()).html)
    assert found.tags <= TAGS
    assert {name for name, _ in found.attributes} <= {"href", "title", "rel", "class", "tabindex"}
    assert all(value.startswith("https://") for name, value in found.attributes if name == "href")


def test_what_may_scroll_sideways_can_be_reached_by_keyboard():
    html = read_theory("| a | b |\n|---|---|\n| 1 | 2 |\n\n```console\nip a\n```", page()).html
    assert '<table tabindex="0">' in html and '<pre tabindex="0">' in html


def test_raw_html_is_shown_as_text():
    assert read_theory("<b>bold</b>", page()).html == "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"


def test_a_heading_becomes_a_section_with_an_anchor():
    theory = read_theory("## O que é um *namespace*?\n\ntext", page())
    assert theory.sections == (("o-que-e-um-namespace", "O que é um namespace?"),)
    assert '<h2 id="o-que-e-um-namespace">' in theory.html


def test_a_drawing_stands_where_it_is_asked_for():
    assert read_theory("before\n\n![[drawing:cable]]\n\nafter", page()).html == (
        "<p>before</p>\n<figure>cable</figure><p>after</p>\n"
    )


def test_a_drawing_inside_a_sentence_is_told():
    problems = []
    read_theory("see ![[drawing:cable]] here", page(problems))
    assert "stands alone" in problems[0].mend


def test_a_callout_is_a_box_and_an_unknown_one_is_told():
    problems = []
    html = read_theory("::: look\nhere\n:::\n\n::: lok\nthere\n:::", page(problems)).html
    assert '<div class="callout callout-look">\n<p>here</p>\n</div>' in html
    assert "is no callout" in problems[0].mend


def test_quotes_are_typeset_outside_code_only():
    html = read_theory('"carla" and `ana`\'s `"x"`', page()).html
    assert html == '<p>“carla” and <code>ana</code>’s <code>"x"</code></p>\n'


def test_a_link_to_a_lab_becomes_its_address():
    assert 'href="/labs/ping-and-netcat/"' in read_theory("[go](lab:ping-and-netcat)", page()).html


def test_tables_and_code_keep_their_form():
    html = read_theory("| a | b |\n|---|---|\n| 1 | 2 |\n\n```console\nip route\n```", page()).html
    assert "<table" in html and '<code class="language-console">ip route' in html


def test_a_step_is_cut_into_title_body_and_hints():
    text = "## step one: First: look\n\nDo *it*.\n\n### why\n\nBecause.\n\n### hint\n\nA\n\n### hint\n\nB\n"
    section = read_lab_text(text, page())["step", "one"]
    assert section.title == "First: look"
    assert section.html == "<p>Do <em>it</em>.</p>\n<h3>why</h3>\n<p>Because.</p>\n"
    assert section.hints == ("<p>A</p>\n", "<p>B</p>\n")


def test_a_heading_in_a_code_block_cuts_nothing():
    assert set(read_lab_text("## intro\n\n```text\n## step x: y\n```\n", page())) == {("intro", "")}
