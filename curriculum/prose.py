"""Markdown into safe HTML: theory pages, and lab texts cut at their headings.

Raw HTML is not Markdown here: it is shown as text, and what is rendered goes through nh3 besides.
Two things are ours: `![[drawing:NAME]]` alone on a line puts in a drawing of the chapter, and
`[words](lab:SLUG)` links to a lab.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import nh3
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import slugify
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin

from curriculum.glossary import Spotter, mark_terms
from curriculum.problems import Problem

CALLOUTS = ("note", "look", "careful", "packet")
TAGS = {
    *("p", "h2", "h3", "h4", "em", "strong", "s", "code", "pre", "a", "ul", "ol", "li", "blockquote"),
    *("table", "thead", "tbody", "tr", "th", "td", "hr", "br", "div"),
}
CODE_LANGUAGES = ("console", "text", "yaml", "bash", "json")
CLASSES = {
    "div": {"callout", *(f"callout-{name}" for name in CALLOUTS)},
    "code": {f"language-{name}" for name in CODE_LANGUAGES},
    "a": {"term"},
}
ATTRIBUTES = {"a": {"href", "title"}, "h2": {"id"}, "ol": {"start"}}
# What scrolls sideways on a narrow screen must be reachable by the keyboard to be scrolled.
SCROLLING = ("pre", "table")
LAB_ADDRESS = "/labs/{slug}/"
CHAPTER_ADDRESS = "/chapters/{slug}/"
HINT = re.compile(r"hint(?: ([a-z][a-z0-9-]*))?")

_MARKED = re.compile(r"[`*]")
_DRAWING = re.compile(r"^!\[\[drawing:([a-z][a-z0-9-]*)\]\]$")
_SECTION = re.compile(r"^(?:(intro|debrief)|(step|condition) ([a-z][a-z0-9-]*): (.+))$")


@dataclass(frozen=True)
class Part:
    """A section of a chapter with its heading; what comes before the first heading has no anchor."""

    anchor: str
    title: str
    html: SafeString


@dataclass(frozen=True)
class Theory:
    """A chapter's page in one language."""

    parts: tuple[Part, ...]

    @property
    def html(self) -> SafeString:
        return mark_safe("".join(part.html for part in self.parts))  # noqa: S308 - each is safe

    @property
    def sections(self) -> tuple[tuple[str, str], ...]:
        """(anchor, title), for a table of contents."""
        return tuple((part.anchor, part.title) for part in self.parts if part.anchor)


@dataclass(frozen=True)
class Section:
    """A part of a lab's text: ("step", "ping-near"), with its title, body and hints; `hint_names` are
    those of the hints, or empty."""

    title: str
    html: SafeString
    hints: tuple[SafeString, ...]
    line: int
    hint_names: tuple[str, ...] = ()


@dataclass
class Page:
    """One Markdown file being read: what it may refer to, and where its mistakes go."""

    path: Path
    language: str
    figures: Mapping[str, Mapping[str, str]]
    lab_slugs: frozenset[str]
    problems: list[Problem]
    spotter: Spotter | None = None

    def say(self, line: int, mend: str, *, key: str = "") -> None:
        self.problems.append(Problem(self.path, line, key, mend))


def read_theory(source: str, page: Page) -> Theory:
    """The page of a chapter; its level-2 headings become the table of contents."""
    tokens = parse_page(source, page)
    _mark(tokens, page)
    starts = [index for index, token in enumerate(tokens) if _opens(token, "h2")]
    parts = [Part("", "", render(tokens[: starts[0] if starts else None], page))]
    for start, end in pairwise([*starts, None] if starts else []):
        title = _plain(tokens[start + 1])
        tokens[start].attrSet("id", slugify(title))
        parts.append(Part(slugify(title), title, render(tokens[start:end], page)))
    return Theory(tuple(parts))


def read_lab_text(source: str, page: Page) -> dict[tuple[str, str], Section]:
    """The sections of a lab's text by kind and key; intro and debrief have the key ""."""
    sections: dict[tuple[str, str], Section] = {}
    for title, line, tokens in cut(parse_page(source, page), "h2"):
        found = _SECTION.match(title)
        if found is None:
            _say_stray_section(page, title, line, tokens)
            continue
        kind, key = found[1] or found[2], found[3] or ""
        if (kind, key) in sections:
            page.say(line, f"{title!r} is here twice; keep one")
        if _MARKED.search(found[4] or ""):
            page.say(
                line,
                "a title is shown as it stands; leave out the marks of code and emphasis",
            )
        sections[kind, key] = _read_section(found[4] or "", line, tokens, page)
    return sections


def render(tokens: list[Token], page: Page) -> SafeString:
    """Safe HTML of whole blocks, with drawings where they are asked for."""
    html, start = [], 0
    for index, name in _find_drawings(tokens):
        html += [_render_clean(tokens[start:index]), _find_figure(name, tokens[index], page)]
        start = index + 3
    html.append(_render_clean(tokens[start:]))
    return mark_safe("".join(html))  # noqa: S308 - cleaned by nh3; drawings are checked files


def render_line(words: str) -> SafeString:
    """Safe HTML of one line of Markdown, without a paragraph around it."""
    clean = nh3.clean(_parser.renderInline(words), tags={"code", "em", "strong"}, attributes={})
    return mark_safe(clean)  # noqa: S308 - cleaned by nh3


def _make_parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "typographer": True})
    parser.enable(["table", "strikethrough", "smartquotes"])
    for name in CALLOUTS:
        container_plugin(parser, name, render=_render_callout(name))
    return parser


def _render_callout(name: str) -> Callable:
    opening = f'<div class="callout callout-{name}">\n'
    return lambda self, tokens, index, options, env: opening if tokens[index].nesting == 1 else "</div>\n"


_parser = _make_parser()


def parse_page(source: str, page: Page) -> list[Token]:
    tokens = _parser.parse(source)
    for token in tokens:
        if token.type == "inline":
            _check_inline(token, page)
    return tokens


def _check_inline(token: Token, page: Page) -> None:
    line = token.map[0] + 1
    if token.content.startswith(":::"):
        page.say(line, f"{token.content.splitlines()[0]!r} is no callout; known are {', '.join(CALLOUTS)}")
    if "![[drawing:" in token.content and not (token.level == 1 and _DRAWING.match(token.content)):
        page.say(line, "a drawing stands alone on its line, outside lists and callouts")
    for child in token.children:
        if child.type == "link_open" and str(child.attrGet("href")).startswith("lab:"):
            _point_to_lab(child, line, page)


def _point_to_lab(link: Token, line: int, page: Page) -> None:
    slug = str(link.attrGet("href")).removeprefix("lab:")
    if slug not in page.lab_slugs:
        page.say(
            line,
            f"there is no lab {slug!r} to link to; known are {', '.join(sorted(page.lab_slugs)) or 'none'}",
        )
    link.attrSet("href", LAB_ADDRESS.format(slug=slug))


def cut(tokens: list[Token], heading: str) -> list[tuple[str, int, list[Token]]]:
    """(title, line, tokens below) for each heading of this level; what comes first has no title."""
    starts = [index for index, token in enumerate(tokens) if _opens(token, heading)]
    parts = [("", 1, tokens[: starts[0] if starts else None])]
    for start, end in pairwise([*starts, None] if starts else []):
        parts.append((tokens[start + 1].content, tokens[start].map[0] + 1, tokens[start + 3 : end]))
    return parts


def _read_section(title: str, line: int, tokens: list[Token], page: Page) -> Section:
    """The hints are the last part of a section: each is a level-3 heading `hint`, or `hint NAME`, and its
    text."""
    starts = [
        index
        for index, token in enumerate(tokens)
        if _opens(token, "h3") and HINT.fullmatch(tokens[index + 1].content)
    ]
    first = starts[0] if starts else len(tokens)
    parts = cut(tokens[first:], "h3")[1:]
    said = _mark(tokens[:first], page)
    body = render(tokens[:first], page)
    hints = tuple(_read_hint(part, page, said) for part in parts)
    names = tuple(found[1] or "" for heading, _line, _tokens in parts if (found := HINT.fullmatch(heading)))
    return Section(title, body, hints, line, names)


def _read_hint(part: tuple[str, int, list[Token]], page: Page, said: set[str]) -> SafeString:
    """A hint is opened by itself: what another hint has marked is marked again."""
    heading, line, tokens = part
    if not HINT.fullmatch(heading):
        page.say(line, f"hints come last in a step; move {heading!r} above them")
    _mark(tokens, page, said)
    return render(tokens, page)


def _mark(tokens: list[Token], page: Page, said: Iterable[str] = ()) -> set[str]:
    return mark_terms(tokens, page.spotter, said) if page.spotter else set()


def _say_stray_section(page: Page, title: str, line: int, tokens: list[Token]) -> None:
    known = "'intro', 'debrief', 'step KEY: Title' or 'condition KEY: Title'"
    if title:
        page.say(line, f"{title!r} is no heading of a lab; write {known}")
    elif tokens:
        page.say(line, "text before the first heading is never shown; put it under '## intro'")


def _find_drawings(tokens: list[Token]) -> list[tuple[int, str]]:
    """(index of the paragraph, name) of each drawing that stands alone at the top level."""
    found = []
    for index, token in enumerate(tokens[:-1]):
        name = _DRAWING.match(tokens[index + 1].content) if token.type == "paragraph_open" else None
        if name and token.level == 0:
            found.append((index, name[1]))
    return found


def _find_figure(name: str, token: Token, page: Page) -> str:
    figure = page.figures.get(name, {}).get(page.language, "")
    if not figure:
        page.say(token.map[0] + 1, f"there is no drawing {name!r}; add drawings/{name}.svg and its words")
    return figure


def _render_clean(tokens: list[Token]) -> str:
    html = _parser.renderer.render(tokens, _parser.options, {})
    clean = nh3.clean(
        html, tags=TAGS, attributes=ATTRIBUTES, allowed_classes=CLASSES, url_schemes={"http", "https"}
    )
    for tag in SCROLLING:
        clean = clean.replace(f"<{tag}>", f'<{tag} tabindex="0">')
    return clean


def _opens(token: Token, heading: str) -> bool:
    return token.type == "heading_open" and token.tag == heading and token.level == 0


def _plain(inline: Token) -> str:
    return "".join(child.content for child in inline.children)
