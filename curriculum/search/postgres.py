"""The index as PostgreSQL's own, over the expression `WORDS`; the database keeps it."""

from collections.abc import Sequence

from django.contrib.postgres.search import SearchQuery, SearchRank, SearchVector
from django.db.models import BooleanField, Case, Value, When

from curriculum.models import Passage

CONFIG = "simple"  # no stemming: the words are folded already, and found by their beginning


def words_vector() -> SearchVector:
    """As the index of migration `passages` has it: another expression would not use it."""
    title = SearchVector("title_words", weight="A", config=CONFIG)
    return title + SearchVector("text_words", weight="D", config=CONFIG)


def index() -> None:
    """The database has done so with each row."""


def find(words: Sequence[str], language: str, most: int) -> list[Passage]:
    query = SearchQuery(" & ".join(f"{word}:*" for word in words), search_type="raw", config=CONFIG)
    is_name = When(title_words=" ".join(words), then=Value(True))
    found = Passage.objects.filter(language=language).annotate(
        vector=words_vector(),
        rank=SearchRank(words_vector(), query, normalization=Value(1)),
        is_name=Case(is_name, default=Value(False), output_field=BooleanField()),
    )
    return list(found.filter(vector=query).order_by("-is_name", "-rank", "id")[:most])
