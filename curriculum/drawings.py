"""Drawings: hand-written SVG files whose words come from a table, so that one drawing serves both
languages.

`drawings/NAME.svg` has `${word}` where text goes; `drawings/words.yaml` gives each word in each
language, with `title`, `desc` and `caption` for every drawing. The files are ours, and still only
shapes are let through: the page's content policy forbids style attributes and scripts anyway.
"""

import string
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from html import escape
from pathlib import Path

from curriculum.documents import Document, check_document, read_document
from curriculum.problems import Problem
from curriculum.schema import KEY_PATTERN, schema_of
from curriculum.text import LANGUAGES, Text

NAMESPACE = "{http://www.w3.org/2000/svg}"
SHAPES = {
    *("svg", "title", "desc", "defs", "marker", "g", "path", "rect", "line", "circle", "ellipse"),
    *("polyline", "polygon", "text", "tspan"),
}
# Shown where there is no room for a whole drawing; an attribute, for search reads what stands between tags.
SIDEWAYS = Text(
    {
        "pt-br": "↔ Deslize o desenho para o lado: ele é mais largo que a tela.",
        "en": "↔ Slide the drawing sideways: it is wider than the screen.",
    }
)
WORDS_OF_ALL = ("title", "desc", "caption")
WORDS_SCHEMA = {
    "type": "object",
    "propertyNames": {"pattern": KEY_PATTERN},
    "additionalProperties": {
        "type": "object",
        "required": list(WORDS_OF_ALL),
        "additionalProperties": schema_of(Text),
    },
}


def load_drawings(folder: Path, path: Path, problems: list[Problem]) -> dict[str, dict[str, str]]:
    """Figures by name and language, ready for the page; mistakes go to `problems`."""
    files = sorted(folder.glob("*.svg"))
    if not files:
        return {}
    document = read_document(folder / "words.yaml", path / "words.yaml", problems)
    mistakes = check_document(document, WORDS_SCHEMA) if document else []
    problems.extend(mistakes)
    if document is None or mistakes:
        return {}
    return {file.stem: _load_figure(file, path / file.name, document, problems) for file in files}


def _load_figure(file: Path, path: Path, document: Document, problems: list[Problem]) -> dict[str, str]:
    words = document.data.get(file.stem)
    if words is None:
        problems.append(
            Problem(path, 1, "", f"words.yaml has no {file.stem!r}; add it with its title, desc and caption")
        )
        return {}
    drawing = file.read_text(encoding="utf-8")
    mistakes = [
        *_check_words(drawing, words, file.stem, path, document),
        *_check_shapes(drawing, file.stem, path),
    ]
    problems.extend(mistakes)
    return (
        {} if mistakes else {language: _figure(file.stem, drawing, words, language) for language in LANGUAGES}
    )


def _check_words(drawing: str, words: Mapping, name: str, path: Path, document: Document) -> list[Problem]:
    used = set(string.Template(drawing).get_identifiers())
    missing = [
        Problem(path, 1, word, f"add the word {word!r} to words.yaml") for word in sorted(used - set(words))
    ]
    unused = sorted(set(words) - used - {"caption"})
    return missing + [
        document.problem((name, word), "the drawing does not use it; remove it") for word in unused
    ]


def _check_shapes(drawing: str, name: str, path: Path) -> list[Problem]:
    try:
        root = ElementTree.fromstring(drawing)  # noqa: S314 - a file of our own
    except ElementTree.ParseError as error:
        return [Problem(path, error.position[0], "", "this is no valid XML; close or escape what is open")]
    mends = [mend for element in root.iter() for mend in _mends_of_element(element, name)]
    if "viewBox" not in root.attrib or root.get("role") != "img":
        mends.append('the svg element needs viewBox and role="img"')
    return [Problem(path, 1, "", mend) for mend in mends]


def _mends_of_element(element: ElementTree.Element, name: str) -> list[str]:
    tag = element.tag.removeprefix(NAMESPACE)
    mends = [] if tag in SHAPES else [f"remove the element {tag!r}; only shapes and text are let through"]
    for attribute, value in element.attrib.items():
        if attribute.startswith("on") or attribute == "style" or "href" in attribute:
            mends.append(f"remove the attribute {attribute!r}; use a class of the drawing's style sheet")
        if attribute == "id" and not value.startswith(f"{name}-"):
            mends.append(f"begin the id {value!r} with '{name}-': several drawings share one page")
    return mends


def _figure(name: str, drawing: str, words: Mapping, language: str) -> str:
    spoken = {word: escape(Text(text)[language]) for word, text in words.items()}
    svg = string.Template(drawing).substitute(spoken).strip()
    return (
        f'<figure class="drawing drawing-{name}" id="drawing-{name}" data-sideways="{SIDEWAYS[language]}">'
        f'<div class="drawing-scroll" role="region" tabindex="0" aria-label="{spoken["title"]}">{svg}</div>'
        f"<figcaption>{spoken['caption']}</figcaption></figure>\n"
    )
