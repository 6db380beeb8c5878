"""The index as an FTS5 table beside that of the passages, whose words it reads (external content)."""

from collections.abc import Sequence

from django.db import connection

from curriculum.models import Passage

# bm25 is the smaller the better; a word in the title weighs as much as ten in the text.
_FIND = """
    SELECT passage.*
      FROM curriculum_passage_words
      JOIN curriculum_passage AS passage ON passage.id = curriculum_passage_words.rowid
     WHERE curriculum_passage_words MATCH %s AND passage.language = %s
     ORDER BY passage.title_words = %s DESC, bm25(curriculum_passage_words, 10.0, 1.0), passage.id
     LIMIT %s
"""


def index() -> None:
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO curriculum_passage_words(curriculum_passage_words) VALUES ('rebuild')")


def find(words: Sequence[str], language: str, most: int) -> list[Passage]:
    match = " ".join(f'"{word}"*' for word in words)
    return list(Passage.objects.raw(_FIND, [match, language, " ".join(words), most]))
