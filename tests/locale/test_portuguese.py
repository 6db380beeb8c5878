"""The interface in Portuguese is whole: what the code and the templates say is what the catalogue has."""

import io
import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.utils.translation.template import templatize

PROJECT = Path(__file__).resolve().parents[2]
CATALOGUE = PROJECT / "locale/pt_BR/LC_MESSAGES/django.po"
FUNCTIONS = {
    **dict.fromkeys(["_", "gettext", "gettext_lazy", "gettext_noop"]),
    **dict.fromkeys(["ngettext", "ngettext_lazy"], (1, 2)),
}
PLACES = re.compile(r"%%\w+%%|%\(\w+\)[sd]|%[sd]|</?\w+>")


def python_of(path: Path) -> str:
    """The file as Python; of a template, what gettext would read. In brackets no indentation counts."""
    text = path.read_text()
    return f"({templatize(text)}\n)" if path.suffix == ".html" else text


def said_in(path: Path) -> set[str]:
    found = extract("python", io.BytesIO(python_of(path).encode()), FUNCTIONS)
    return {words if isinstance(words, str) else words[0] for _, words, _, _ in found}


def key(message: Message) -> str:
    return message.id[0] if message.pluralizable else message.id


@pytest.fixture(scope="module")
def said() -> set[str]:
    sources = [
        path for app in ("portal", "k8s_tasks", "curriculum") for path in (PROJECT / app).rglob("*.py")
    ]
    return {words for path in [*sources, *(PROJECT / "templates").rglob("*.html")] for words in said_in(path)}


@pytest.fixture(scope="module")
def catalogue():
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="pt_BR", domain="django")


def test_all_that_is_said_is_in_the_catalogue_and_nothing_else(said, catalogue):
    kept = {key(message) for message in catalogue if message.id}
    assert sorted(said - kept) == []
    assert sorted(kept - said) == []
    assert not catalogue.obsolete


def test_everything_is_translated_for_sure(catalogue):
    for message in filter(lambda each: each.id, catalogue):
        strings = message.string if message.pluralizable else [message.string]
        assert all(strings) and not message.fuzzy, message.id


def test_places_and_tags_are_kept(catalogue):
    for message in filter(lambda each: each.id, catalogue):
        pairs = (
            zip(message.id, message.string, strict=True)
            if message.pluralizable
            else [(message.id, message.string)]
        )
        for source, target in pairs:
            assert Counter(PLACES.findall(source)) == Counter(PLACES.findall(target)), source


def test_the_catalogue_can_be_compiled(catalogue):
    assert [(message.id, errors) for message, errors in catalogue.check()] == []
