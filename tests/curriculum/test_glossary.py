"""Terms, and the places where prose says them."""

import shutil
from pathlib import Path

import pytest

from curriculum.course import CONTENT, get_course, load_course
from curriculum.glossary import Spotter, Term, terms_in
from curriculum.problems import CourseError
from curriculum.prose import Page, read_lab_text, read_theory
from curriculum.text import LANGUAGES, Text

# Said only in headings, drawings and emphasised parts, or the name of what several sections are about.
NOT_MARKED = {"deployment", "dns-spoofing", "five-tuple", "gratuitous-arp", "qdisc", "socket"}


def term(key: str, name: str, **fields) -> Term:
    words = Text({"pt-br": name, "en": name})
    return Term(key=key, name=words, means=words, **fields)


ARP = term("arp", "ARP")
VETH = term("veth", "veth pair", also={"all": ("veth",)})
SPACE = term("space", "network namespace")
NAMES = term("names", "namespace")


def page() -> Page:
    spotter = Spotter([ARP, VETH, SPACE, NAMES], "en")
    return Page(Path("en.md"), "en", {}, frozenset(), [], spotter)


def marks(html: str) -> list[str]:
    """What is marked, as it is written."""
    return [part.split("</a>")[0].split(">", 1)[1] for part in html.split('class="term"')[1:]]


@pytest.mark.parametrize(
    ("prose", "said"),
    [
        ("ARP asks, ARP answers.", ["ARP"]),
        ("A carp is no ARP-like arp.", []),
        ("Two veth pairs; a veth.", ["veth pairs"]),
        ("Namespaces, and a network\nnamespace.", ["Namespaces", "network\nnamespace"]),
        ("Look at `ARP`, not at `ip ARP`.", ["<code>ARP</code>"]),
        ("*ARP* and [veth](https://example.org).", ["ARP"]),
        ("### ARP\n\nIt asks.", []),
        ("```text\nARP\n```", []),
    ],
)
def test_the_first_occurrence_of_a_term_is_marked_as_it_is_written(prose, said):
    assert marks(read_theory(prose, page()).html) == said


def test_every_section_marks_a_term_anew():
    html = read_theory("ARP.\n\n## One\n\nARP, ARP.\n\n## Two\n\nARP.", page()).html
    assert marks(html) == ["ARP"] * 3
    assert '<a class="term" href="/glossary/#arp"' in html


def test_a_hint_marks_what_its_step_has_not_marked():
    text = "## step one: ARP\n\nARP.\n\n### hint\n\nARP, veth.\n\n### hint\n\nA veth.\n"
    step = read_lab_text(text, page())["step", "one"]
    assert [marks(part) for part in (step.html, *step.hints)] == [["ARP"], ["veth"], ["veth"]]


def test_terms_of_a_page_come_in_the_order_of_their_names():
    known = {each.key: each for each in (ARP, VETH, NAMES)}
    html = read_theory("A veth, a namespace, ARP.", page()).html
    assert [each.key for each in terms_in(known, html)] == ["arp", "names", "veth"]


def test_the_course_explains_its_terms_in_both_languages():
    glossary = get_course().glossary
    assert len(glossary) >= 90
    for key, each in glossary.items():
        assert all(each.html[language] for language in LANGUAGES) and each.places, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_reader_meets_the_terms_in_the_chapters(language):
    said = terms_in(get_course().glossary, *(each.theory(language) for each in get_course().chapters))
    assert set(get_course().glossary) - {each.key for each in said} <= NOT_MARKED


def test_a_place_is_the_section_in_the_readers_language():
    place = get_course().glossary["arp"].places[0]
    assert place.url["en"] == "/chapters/foundations/#arp-the-only-neighbour"
    assert place.url["pt-br"] == "/chapters/foundations/#arp-o-unico-vizinho"


@pytest.mark.parametrize(
    ("old", "new", "mend"),
    [
        ("see: [mac-address", "see: [mac-adress", "names no term 'mac-adress'"),
        (
            "treated: [foundations#arp-the",
            "treated: [foundations#rarp-the",
            "no section or lab 'foundations#rarp",
        ),
        ("treated: [foundations#arp", "treates: [foundations#arp", "did you mean 'treated'?"),
        (
            "name: {pt-br: bridge, en: bridge}",
            "name: {pt-br: ARP, en: bridge}",
            "'ARP' is another term's spelling",
        ),
        ("also: {pt-br: [ponte]}", "also: {pt: [ponte]}", "write pt-br, en or all"),
    ],
)
def test_a_wrong_entry_is_told(tmp_path, old, new, mend):
    shutil.copytree(CONTENT, tmp_path / "course", ignore=shutil.ignore_patterns("recorded"))
    file = tmp_path / "course/glossary/1-foundations.yaml"
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new, 1))
    with pytest.raises(CourseError) as told:
        load_course(tmp_path / "course")
    assert mend in str(told.value)
