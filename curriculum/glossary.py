"""The glossary: what the course's terms mean, and where prose says them.

`glossary/*.yaml` in the course's folder maps keys to terms. In chapters and labs the first occurrence of a
term in each section becomes a link to its entry; a term is found by its name and by what it is `also`
called, with a plural's ending. A spelling with a capital letter is found only so.
"""

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from markdown_it.token import Token

from curriculum.documents import Document, check_document, read_document
from curriculum.problems import Problem
from curriculum.schema import build, derived, schema_of, told
from curriculum.text import LANGUAGES, Text, fold

FOLDER = "glossary"
TERM_ADDRESS = "/glossary/#{key}"
EVERY_LANGUAGE = "all"
_MARKED = re.compile(r'href="/glossary/#([a-z][a-z0-9-]*)"')
_WORD = re.compile(r"[\w-]+")


@dataclass(frozen=True)
class Place:
    """Where the course treats a term."""

    title: Text
    url: Text


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term of the course."""

    name: Text = told("how it is called")
    also: dict[str, tuple[str, ...]] = told(
        "other spellings that prose uses, by language; under `all` those of both", default=dict
    )
    means: Text = told("what it means, in one to three sentences; Markdown without blocks")
    book: Text | None = told("the chapter and topic of the book it stands on", default=None)
    treated: tuple[str, ...] = told(
        "where it is explained: `CHAPTER#ENGLISH-ANCHOR` of a section, or `lab:SLUG`", default=()
    )
    see: tuple[str, ...] = told("keys of terms that belong to it", default=())
    key: str = derived("")
    html: Text = derived(Text({"pt-br": ""}))
    places: tuple[Place, ...] = derived(())

    def spellings(self, language: str) -> tuple[str, ...]:
        return (self.name[language], *self.also.get(EVERY_LANGUAGE, ()), *self.also.get(language, ()))


Glossary = Mapping[str, Term]


class Spotter:
    """Finds terms in the running text of one language; the longest spelling wins."""

    def __init__(self, terms: Iterable[Term], language: str):
        pairs = [(spelling, term.key) for term in terms for spelling in term.spellings(language)]
        # By its first word: to try every spelling at every word would double the time a course takes to load.
        self._beginning: dict[str, list[tuple[re.Pattern, str]]] = {}
        for spelling, key in sorted(pairs, key=lambda pair: -len(pair[0])):
            first = _WORD.search(spelling)[0].casefold()
            self._beginning.setdefault(first, []).append((_pattern(spelling), key))

    def find(self, text: str) -> Iterator[tuple[int, int, str]]:
        """(start, end, key) of each term said, in the text's order."""
        done = 0
        for word in _WORD.finditer(text):
            found = self._at(text, word) if word.start() >= done else None
            if found:
                yield found
                done = found[1]

    def names(self, words: str) -> str | None:
        """The key of the term that these words are, and nothing besides."""
        first = _WORD.match(words)
        found = self._at(words, first) if first else None
        return found[2] if found and found[1] == len(words) else None

    def _at(self, text: str, word: re.Match) -> tuple[int, int, str] | None:
        said = word[0].casefold()
        for first in (said, said.removesuffix("s"), said.removesuffix("es")):
            for pattern, key in self._beginning.get(first, ()):
                if found := pattern.match(text, word.start()):
                    return *found.span(), key
        return None


def load_glossary(root: Path, problems: list[Problem]) -> Glossary:
    """The terms by key; mistakes go to `problems`. Their places are found once the chapters are read."""
    terms: dict[str, Term] = {}
    for file in sorted((root / FOLDER).glob("*.yaml")):
        document = read_document(file, file.relative_to(root), problems)
        schema = schema_of(dict[str, Term])
        mistakes = check_document(document, schema) if document else []
        problems.extend(mistakes)
        if document is None or mistakes:
            continue
        found = build(dict[str, Term], document.data)
        problems.extend(_lint_terms(found, terms, document))
        terms |= {key: dataclasses.replace(term, key=key) for key, term in found.items()}
    problems.extend(_lint_see(terms))
    return terms


def mark_terms(tokens: list[Token], spotter: Spotter, seen: Iterable[str] = ()) -> set[str]:
    """Makes links of the first occurrences in each section of a page; returns what the last one says.
    Headings, blocks of code and what is a link already stay as they are; code within a sentence counts only
    where it is a term and nothing else."""
    said = set(seen)
    for index, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag == "h2":
            said = set()
        if token.type == "inline" and not _is_plain(tokens[index - 1], token):
            token.children = list(_mark_inline(token.children or [], spotter, said))
    return said


def terms_in(glossary: Glossary, *html: str) -> list[Term]:
    """The terms that are marked in these texts, in the order of their names."""
    keys = {key for text in html for key in _MARKED.findall(str(text))}
    return in_order(glossary[key] for key in keys if key in glossary)


def in_order(terms: Iterable[Term]) -> list[Term]:
    """By name in the active language; accents and capitals do not count."""
    return sorted(terms, key=lambda term: fold(str(term.name)))


def _pattern(spelling: str) -> re.Pattern:
    words = r"\s+".join(re.escape(word) for word in spelling.split())
    if spelling.islower():
        words = f"[{spelling[0]}{spelling[0].upper()}]" + words.removeprefix(re.escape(spelling[0]))
    return re.compile(rf"{words}(?:s|es)?(?![\w-])")


def _is_plain(before: Token, inline: Token) -> bool:
    return before.type == "heading_open" or inline.content.startswith("![[")


def _mark_inline(children: list[Token], spotter: Spotter, said: set[str]) -> Iterator[Token]:
    """The children with links; text that runs over several lines of the file is one text."""
    links, running = 0, ""
    for child in children:
        if links == 0 and child.type in ("text", "softbreak"):
            running += child.content if child.type == "text" else "\n"
            continue
        yield from _mark_text(running, spotter, said)
        running = ""
        if links == 0 and child.type == "code_inline" and (key := spotter.names(child.content)):
            yield from _link([child], key, said)
            continue
        links += {"link_open": 1, "link_close": -1}.get(child.type, 0)
        yield child
    yield from _mark_text(running, spotter, said)


def _mark_text(text: str, spotter: Spotter, said: set[str]) -> Iterator[Token]:
    done = 0
    for start, end, key in spotter.find(text):
        if key in said:
            continue
        yield Token("text", "", 0, content=text[done:start])
        yield from _link([Token("text", "", 0, content=text[start:end])], key, said)
        done = end
    yield Token("text", "", 0, content=text[done:])


def _link(words: list[Token], key: str, said: set[str]) -> Iterator[Token]:
    """The words, as a link unless the section has one to this term already."""
    if key in said:
        yield from words
        return
    said.add(key)
    yield Token("link_open", "a", 1, attrs={"class": "term", "href": TERM_ADDRESS.format(key=key)})
    yield from words
    yield Token("link_close", "a", -1)


def _lint_terms(found: Glossary, known: Glossary, document: Document) -> Iterator[Problem]:
    spoken = {(language, spelling) for term in known.values() for language, spelling in _said_by(term)}
    for key, term in found.items():
        if key in known:
            yield document.problem((key,), "this key is in another file already; keep one")
        for language in set(term.also) - {*LANGUAGES, EVERY_LANGUAGE}:
            yield document.problem((key, "also", language), "write pt-br, en or all")
        for language, spelling in _said_by(term):
            if (language, spelling) in spoken:
                mend = f"{spelling!r} is another term's spelling in {language} already; keep one"
                yield document.problem((key,), mend)
            spoken.add((language, spelling))


def _said_by(term: Term) -> set[tuple[str, str]]:
    return {(language, spelling) for language in LANGUAGES for spelling in term.spellings(language)}


def _lint_see(terms: Glossary) -> Iterator[Problem]:
    for term in terms.values():
        for key in term.see:
            if key not in terms:
                mend = f"'see' of {term.key!r} names no term {key!r}; mend it"
                yield Problem(Path(FOLDER), 1, f"{term.key}.see", mend)
