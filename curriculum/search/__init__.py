"""Full-text search over what everybody may read of the course.

`load_course` writes the passages (`passages`) to the database and builds the index there: an FTS5 table on
SQLite, an index of tsvectors on PostgreSQL. Both hold the same folded words, so that accents, capitals
and signs count on neither, and a word is found by its beginning. What is looked for comes back in the
reader's language, best first, with what to mark (`marks`).
"""

from dataclasses import dataclass

from django.db import connection, transaction

from curriculum.models import Passage
from curriculum.search import postgres, sqlite
from curriculum.search.marks import Span, mark, snippet
from curriculum.search.passages import passages_of
from curriculum.search.words import words_of
from curriculum.specs import Course

LONGEST_QUERY = 100
MOST_WORDS = 8
MOST_FOUND = 20
_ENGINES = {"sqlite": sqlite, "postgresql": postgres}


@dataclass(frozen=True)
class Found:
    """A passage that holds every word looked for, with its title and a piece of its text to show."""

    passage: Passage
    title: list[Span]
    snippet: list[Span]


def index_course(course: Course) -> int:
    """Puts the course's passages in place of those that are there; returns how many there are."""
    passages = list(passages_of(course))
    with transaction.atomic():
        Passage.objects.all().delete()
        Passage.objects.bulk_create(passages)
        _ENGINES[connection.vendor].index()
    return len(passages)


def find(query: str, language: str) -> list[Found]:
    """The best passages that have a word beginning with each word of the query; one query of the database,
    none where there is nothing to look for."""
    words = words_of(query[:LONGEST_QUERY])[:MOST_WORDS]
    if not words:
        return []
    passages = _ENGINES[connection.vendor].find(words, language, MOST_FOUND)
    return [Found(each, mark(each.title, words), snippet(each.text, words)) for each in passages]
