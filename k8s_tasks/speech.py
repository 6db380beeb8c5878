"""Which language a stored sentence is written in."""

from collections.abc import Callable
from contextlib import contextmanager

from django.conf import settings
from django.utils import translation
from django.utils.formats import get_format
from django.utils.translation import gettext


@contextmanager
def speaking_to(user):
    """Sentences made inside are in this person's language; the course's own when it is unknown."""
    with translation.override(getattr(user, "language", "") or settings.LANGUAGE_CODE):
        yield


def in_all_languages(sentence: str, **facts) -> dict[str, str]:
    """A msgid marked by gettext_noop, filled in, by language code: stored reasons are read by
    student and instructor, who may not share a language. A fact may be such a sentence itself; a float is
    written as the language does."""

    def tell(code: str) -> str:
        return gettext(sentence) % {name: _in_language(fact, code) for name, fact in facts.items()}

    return by_language(tell)


def by_language(tell: Callable[[str], str]) -> dict[str, str]:
    """What `tell` says of each language's code, while that language is spoken."""
    told = {}
    for code, _name in settings.LANGUAGES:
        with translation.override(code):
            told[code] = tell(code)
    return told


def _in_language(fact, code: str):
    if isinstance(fact, float):
        return f"{fact:.10g}".replace(".", get_format("DECIMAL_SEPARATOR", lang=code))
    return fact[code] if isinstance(fact, dict) else fact
