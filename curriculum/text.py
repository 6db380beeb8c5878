"""Words in every language of the course: the reader gets their own, Portuguese where one is missing."""

import unicodedata
from collections.abc import Iterator, Mapping

from django.utils.translation import get_language

LANGUAGES = ("pt-br", "en")
FIRST_LANGUAGE = LANGUAGES[0]


def choose_language(language: str | None) -> str:
    """The course's language for a browser's or Django's code: `en-us` reads English."""
    code = (language or FIRST_LANGUAGE).lower()
    if code in LANGUAGES:
        return code
    base = code.split("-")[0]
    return next((known for known in LANGUAGES if known.split("-")[0] == base), FIRST_LANGUAGE)


def fold(words: str) -> str:
    """Without accents and capitals, as words are sorted and searched."""
    decomposed = unicodedata.normalize("NFKD", words.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


class Text(Mapping[str, str]):
    """One text by language code. As a string it is the active language's; a text made of rendered
    Markdown keeps its SafeString, so that templates print it unescaped."""

    def __init__(self, words: Mapping[str, str]):
        self._words = dict(words)

    def __getitem__(self, language: str) -> str:
        return self._words.get(choose_language(language)) or self._words[FIRST_LANGUAGE]

    def __iter__(self) -> Iterator[str]:
        return iter(self._words)

    def __len__(self) -> int:
        return len(self._words)

    def __hash__(self) -> int:
        return hash(tuple(sorted(self._words.items())))

    def __repr__(self) -> str:
        return f"Text({self._words!r})"

    def __str__(self) -> str:
        return self.current()

    def current(self) -> str:
        return self[get_language()]

    def as_dict(self) -> dict[str, str]:
        return {language: str(words) for language, words in self._words.items()}
