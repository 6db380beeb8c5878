"""What of the course can be found: only what a reader may see at once.

Solutions, hints, what was right in a prediction and debriefs (they tell what was proven) are not here.
"""

import re
from collections.abc import Iterator
from html import unescape

from curriculum.enums import PassageKind
from curriculum.glossary import TERM_ADDRESS, Term
from curriculum.models import Passage
from curriculum.prose import CHAPTER_ADDRESS, LAB_ADDRESS
from curriculum.search.words import indexed
from curriculum.specs import Chapter, Course, LabSpec
from curriculum.text import LANGUAGES

STEP_ADDRESS = LAB_ADDRESS + "steps/{key}/"
_DRAWN = re.compile(r"<svg.*?</svg>", re.DOTALL)
_BLOCK = re.compile(r"</?(?:p|h\d|li|ul|ol|td|th|tr|pre|div|br|figure|figcaption)\b[^>]*>")
_TAG = re.compile(r"<[^>]*>")
_TEMPLATE = re.compile(r"\$\{[^}]*\}")


def passages_of(course: Course) -> Iterator[Passage]:
    for language in LANGUAGES:
        for chapter in course.chapters:
            yield from _of_chapter(chapter, language)
        for term in course.glossary.values():
            yield _of_term(term, language)


def plain(html: str) -> str:
    """The words of rendered prose on one line; what differs for each student is left open."""
    text = _TAG.sub("", _BLOCK.sub(" ", _DRAWN.sub(" ", html)))
    return " ".join(_TEMPLATE.sub("…", unescape(text)).split())


def _of_chapter(chapter: Chapter, language: str) -> Iterator[Passage]:
    name = f"{chapter.number}. {chapter.title[language]}"
    address = CHAPTER_ADDRESS.format(slug=chapter.slug)
    theory = chapter.pages[language].parts if chapter.has_theory else ()
    first, rest = (theory[0].html, theory[1:]) if theory else ("", ())
    told = " ".join([chapter.summary[language], *(topic[language] for topic in chapter.topics), plain(first)])
    yield _passage(language, PassageKind.CHAPTER, "", name, address, told)
    for part in rest:
        text = plain(part.html).removeprefix(part.title).strip()
        yield _passage(language, PassageKind.SECTION, name, part.title, f"{address}#{part.anchor}", text)
    for lab in chapter.labs:
        yield from _of_lab(lab, language)


def _of_lab(lab: LabSpec, language: str) -> Iterator[Passage]:
    name = f"{lab.number} {lab.title[language]}"
    objectives = [objective[language] for objective in lab.objectives]
    told = " ".join([lab.summary[language], *objectives, plain(lab.intro(language))])
    yield _passage(language, PassageKind.LAB, "", name, LAB_ADDRESS.format(slug=lab.slug), told)
    for step in lab.steps:
        address = STEP_ADDRESS.format(slug=lab.slug, key=step.key)
        text = plain(step.text[language])
        yield _passage(language, PassageKind.STEP, name, step.title[language], address, text)


def _of_term(term: Term, language: str) -> Passage:
    others = [spelling for spelling in term.spellings(language)[1:] if spelling != term.name[language]]
    told = " ".join([plain(term.html[language]), *([f"({', '.join(others)})"] if others else [])])
    address = TERM_ADDRESS.format(key=term.key)
    return _passage(language, PassageKind.TERM, "", term.name[language], address, told)


def _passage(language: str, kind: PassageKind, place: str, title: str, address: str, text: str) -> Passage:
    return Passage(
        language=language,
        kind=kind,
        place=place,
        title=title,
        address=address,
        text=text,
        title_words=indexed(title),
        text_words=indexed(text),
    )
