"""The words of a quiz: `quiz/pt-br.md` and `quiz/en.md`, cut at their headings.

Each second-level heading is a question; below it, each third-level one is the question's `live` or
`drawn` sentence, a `choice`, a `mistake` or the `why`.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.utils.safestring import SafeString
from markdown_it.token import Token

from curriculum.documents import Document
from curriculum.enums import QuestionKind, Spelling
from curriculum.prose import Page, cut, parse_page, render, render_line
from curriculum.quizzes import CHOSEN, TYPED
from curriculum.text import FIRST_LANGUAGE, LANGUAGES, Text

HOST_BITS = "host-bits"  # the mistake that every `network` has: the right network, written as a host of it
Key = tuple[str, str]  # kind and key of a part, such as ("choice", "nat")
_QUESTION = re.compile(r"question ([a-z][a-z0-9-]*): (.+)")
_PART = re.compile(r"(live|drawn|why)|(choice|mistake) ([a-z0-9][a-z0-9-]*): (.+)")


@dataclass(frozen=True)
class Part:
    """`words` are those of the heading, and empty for one that has none."""

    words: SafeString | str
    html: SafeString
    line: int


@dataclass(frozen=True)
class QuestionText:
    title: str
    html: SafeString
    line: int
    parts: Mapping[Key, Part]


QuizText = Mapping[str, QuestionText]  # of one language, by the question's key


def read_quiz_text(source: str, page: Page) -> dict[str, QuestionText]:
    questions: dict[str, QuestionText] = {}
    for title, line, tokens in cut(parse_page(source, page), "h2"):
        found = _QUESTION.fullmatch(title)
        if found is None:
            if title or tokens:
                page.say(line, f"{title!r} is no heading of a quiz; write 'question KEY: Title'")
            continue
        if found[1] in questions:
            page.say(line, f"the question {found[1]!r} is here twice; keep one", key=found[1])
        questions[found[1]] = _read_question(found[1], found[2], line, tokens, page)
    return questions


def _read_question(key: str, title: str, line: int, tokens: list[Token], page: Page) -> QuestionText:
    (_title, _line, body), *below = cut(tokens, "h3")
    parts: dict[Key, Part] = {}
    for heading, at, inside in below:
        found = _PART.fullmatch(heading)
        if found is None:
            known = "'live', 'drawn', 'choice KEY: words', 'mistake KEY: words' or 'why'"
            page.say(at, f"{heading!r} is no part of a question; write {known}", key=key)
            continue
        part = (found[1] or found[2], found[3] or "")
        if part in parts:
            page.say(at, f"{heading!r} is here twice; keep one", key=key)
        parts[part] = Part(render_line(found[4] or ""), render(inside, page), at)
    return QuestionText(title, render(body, page), line, parts)


def derive_words(key: str, texts: Mapping[str, QuizText]) -> dict:
    """What a Question takes from the prose; empty where something is missing, which is told elsewhere."""
    found = {language: texts[language].get(key) for language in LANGUAGES}
    parts = {part: None for text in found.values() if text for part in text.parts}

    def bodies(part: Key) -> Text | None:
        got = {name: text.parts[part].html for name, text in found.items() if text and part in text.parts}
        return Text(got) if FIRST_LANGUAGE in got else None

    def headings(part: Key) -> Text:
        got = {name: text.parts[part].words for name, text in found.items() if text and part in text.parts}
        return Text({FIRST_LANGUAGE: part[1], **got})

    answers = [part for part in parts if part[0] in ("choice", "mistake")]
    return {
        "title": Text({language: text.title if text else key for language, text in found.items()}),
        "text": Text({language: text.html if text else "" for language, text in found.items()}),
        "if_live": bodies(("live", "")),
        "if_drawn": bodies(("drawn", "")),
        "why": bodies(("why", "")) or Text({FIRST_LANGUAGE: ""}),
        "words": {part[1]: headings(part) for part in answers},
        "told_of": {part[1]: bodies(part) or Text({FIRST_LANGUAGE: ""}) for part in answers},
    }


def compare_quiz_texts(document: Document, texts: Mapping[str, QuizText], pages: Mapping[str, Page]) -> None:
    """Tell what is missing in the prose and what it has too much."""
    wanted = {each["key"]: each for each in document.data["questions"]}
    for language, text in texts.items():
        for key in wanted.keys() - text.keys():
            pages[language].say(1, f"the section '## question {key}: ...' is missing; write it", key=key)
        for key, question in text.items():
            if key in wanted:
                for line, mend in _lacks(wanted[key], question, texts):
                    pages[language].say(line, mend, key=key)
            else:
                mend = f"quiz.yaml has no question {key!r}; remove it or add it there"
                pages[language].say(question.line, mend, key=key)


def _lacks(
    written: Mapping, question: QuestionText, texts: Mapping[str, QuizText]
) -> Iterator[tuple[int, str]]:
    wanted, allowed = _parts_wanted(written)
    first = texts[FIRST_LANGUAGE].get(written["key"])
    if first and written.get("live"):
        wanted |= {part for part in first.parts if part[0] in ("live", "drawn")}
        allowed |= {("live", ""), ("drawn", "")}
    if not question.html:
        yield question.line, "the question itself is missing; write it below its heading"
    for part in sorted(wanted - question.parts.keys()):
        yield question.line, f"the part '### {spell_part(part)}' is missing; write it"
    for part, found in question.parts.items():
        if part not in wanted | allowed:
            yield found.line, f"quiz.yaml has no '{spell_part(part)}' here; remove it or add it there"
        elif not found.html and part in _told(written):
            yield found.line, f"nothing is told of '{spell_part(part)}'; explain it"


def _parts_wanted(written: Mapping) -> tuple[set[Key], set[Key]]:
    """What must be there, and what may."""
    wanted = {("why", ""), *(("choice", str(key)) for key in written.get("choices", ()))}
    wanted |= {("mistake", str(key)) for key in written.get("mistakes", {})}
    is_network = written["kind"] == QuestionKind.TEXT and written.get("accepts") == Spelling.NETWORK
    return wanted, {("mistake", HOST_BITS)} if is_network else set()


def _told(written: Mapping) -> set[Key]:
    """The parts that need an explanation: all but the single right choice, which has the `why`."""
    told: set[Key] = {("why", ""), ("live", ""), ("drawn", ""), ("mistake", HOST_BITS)}
    if written["kind"] in TYPED:
        told |= {("mistake", str(key)) for key in written.get("mistakes", {})}
    if written["kind"] in CHOSEN:
        spared = written.get("right", ()) if written["kind"] == QuestionKind.SINGLE else ()
        told |= {("choice", str(key)) for key in written.get("choices", ()) if key not in spared}
    return told


def spell_part(part: Key) -> str:
    kind, key = part
    return f"{kind} {key}: ..." if key else kind
