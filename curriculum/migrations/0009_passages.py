"""Passages of the course, and the index over their words that the database at hand offers."""

from django.contrib.postgres.indexes import GinIndex
from django.db import migrations, models

from curriculum.search.postgres import words_vector

WORDS = """
    CREATE VIRTUAL TABLE curriculum_passage_words
    USING fts5(title_words, text_words, content='curriculum_passage', content_rowid='id')
"""


def add_index(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute(WORDS)
    elif editor.connection.vendor == "postgresql":
        editor.add_index(apps.get_model("curriculum", "Passage"), _gin())


def remove_index(apps, editor):
    if editor.connection.vendor == "sqlite":
        editor.execute("DROP TABLE curriculum_passage_words")
    elif editor.connection.vendor == "postgresql":
        editor.remove_index(apps.get_model("curriculum", "Passage"), _gin())


def _gin():
    return GinIndex(words_vector(), name="curriculum_passage_words")


class Migration(migrations.Migration):
    dependencies = [("curriculum", "0008_quizzes")]

    operations = [
        migrations.CreateModel(
            name="Passage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("language", models.CharField(max_length=8, verbose_name="language")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("chapter", "Chapter"),
                            ("section", "Theory"),
                            ("lab", "Lab"),
                            ("step", "Step"),
                            ("term", "Glossary"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("place", models.TextField(blank=True, verbose_name="part of")),
                ("title", models.TextField(verbose_name="title")),
                ("address", models.TextField(verbose_name="address")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                ("title_words", models.TextField()),
                ("text_words", models.TextField(blank=True)),
            ],
            options={"verbose_name": "passage", "verbose_name_plural": "passages"},
        ),
        migrations.RunPython(add_index, remove_index),
    ]
