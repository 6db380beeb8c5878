"""The tables of the course, and the index over its passages' words that the database at hand offers."""

import uuid

import django.db.models.deletion
from django.conf import settings
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
    initial = True
    # The steps that made these tables one by one, until 2026-11-27: a database that has them has this.
    replaces = [
        ("curriculum", "0001_initial"),
        ("curriculum", "0002_initial"),
        ("curriculum", "0003_field_names"),
        ("curriculum", "0004_drafts"),
        ("curriculum", "0005_opened_hints"),
        ("curriculum", "0006_predictions"),
        ("curriculum", "0007_confidence_choices"),
        ("curriculum", "0008_quizzes"),
        ("curriculum", "0009_passages"),
        ("curriculum", "0010_skipped"),
    ]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Lab",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slug", models.SlugField(unique=True, verbose_name="short name")),
                ("chapter", models.PositiveSmallIntegerField(verbose_name="chapter")),
                ("number", models.CharField(max_length=8, verbose_name="number")),
                ("title", models.JSONField(help_text='{"pt-br": "...", "en": "..."}', verbose_name="title")),
                ("version", models.CharField(max_length=64, verbose_name="version")),
                ("is_active", models.BooleanField(default=True, verbose_name="offered")),
            ],
            options={
                "verbose_name": "lab",
                "verbose_name_plural": "labs",
                "ordering": ["chapter", "number"],
            },
        ),
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
            options={
                "verbose_name": "passage",
                "verbose_name_plural": "passages",
            },
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("lab_version", models.CharField(max_length=64, verbose_name="version of the lab")),
                ("seed", models.PositiveBigIntegerField(verbose_name="seed")),
                ("parameters", models.JSONField(default=dict, verbose_name="parameters")),
                ("started_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                ("passed_at", models.DateTimeField(blank=True, null=True, verbose_name="all proven")),
                (
                    "skipped",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text='{"condition": {"pt-br": "...", "en": "..."}}: what the cluster lacks for it',
                        verbose_name="skipped",
                    ),
                ),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="student",
                    ),
                ),
                (
                    "lab",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attempts",
                        to="curriculum.lab",
                        verbose_name="lab",
                    ),
                ),
            ],
            options={
                "verbose_name": "attempt",
                "verbose_name_plural": "attempts",
                "ordering": ["-started_at"],
            },
        ),
        migrations.CreateModel(
            name="QuizAttempt",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("chapter", models.SlugField(verbose_name="chapter")),
                ("quiz_version", models.CharField(max_length=64, verbose_name="version of the quiz")),
                ("seed", models.PositiveBigIntegerField(verbose_name="seed")),
                ("total", models.PositiveSmallIntegerField(verbose_name="questions")),
                ("started_at", models.DateTimeField(auto_now_add=True, verbose_name="begun")),
                (
                    "student",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="quiz_attempts",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="student",
                    ),
                ),
            ],
            options={
                "verbose_name": "quiz attempt",
                "verbose_name_plural": "quiz attempts",
                "ordering": ["-started_at"],
            },
        ),
        migrations.CreateModel(
            name="QuizQuestion",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("question", models.SlugField(verbose_name="question")),
                ("given", models.JSONField(default=dict, verbose_name="values")),
                ("truth", models.CharField(max_length=200, verbose_name="right value")),
                ("mistakes", models.JSONField(default=dict, verbose_name="values of mistakes")),
                ("lab", models.SlugField(blank=True, verbose_name="lab")),
                (
                    "why_drawn",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no-session", "No session of the lab is live"),
                            ("not-there", "The session does not have it yet"),
                            ("unreachable", "The cluster did not answer"),
                        ],
                        max_length=16,
                    ),
                ),
                ("asked_at", models.DateTimeField(auto_now_add=True, verbose_name="asked")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="asked",
                        to="curriculum.quizattempt",
                        verbose_name="quiz attempt",
                    ),
                ),
            ],
            options={
                "verbose_name": "question asked",
                "verbose_name_plural": "questions asked",
                "ordering": ["asked_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="QuizAnswer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("question", models.SlugField(verbose_name="question")),
                ("value", models.CharField(max_length=200, verbose_name="value")),
                ("is_right", models.BooleanField(verbose_name="right")),
                ("mistake", models.SlugField(blank=True, verbose_name="mistake")),
                ("answered_at", models.DateTimeField(auto_now_add=True, verbose_name="answered")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="curriculum.quizattempt",
                        verbose_name="quiz attempt",
                    ),
                ),
                (
                    "asked",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answer",
                        to="curriculum.quizquestion",
                    ),
                ),
            ],
            options={
                "verbose_name": "quiz answer",
                "verbose_name_plural": "quiz answers",
                "ordering": ["answered_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Answer",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.SlugField(verbose_name="step")),
                ("value", models.CharField(max_length=200, verbose_name="value")),
                (
                    "confidence",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        choices=[(50, "Guess"), (75, "Rather sure"), (95, "Sure")],
                        null=True,
                        verbose_name="confidence",
                    ),
                ),
                ("truth", models.CharField(blank=True, max_length=200, verbose_name="right value")),
                ("is_right", models.BooleanField(blank=True, null=True, verbose_name="right")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="answered")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="answers",
                        to="curriculum.attempt",
                        verbose_name="attempt",
                    ),
                ),
            ],
            options={
                "verbose_name": "answer",
                "verbose_name_plural": "answers",
                "ordering": ["created_at", "id"],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("confidence__isnull", False)),
                        fields=("attempt", "step"),
                        name="one_prediction_per_step",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="ConditionPass",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("condition", models.SlugField(verbose_name="condition")),
                ("reason", models.JSONField(verbose_name="reason")),
                ("evidence", models.JSONField(verbose_name="evidence")),
                ("passed_at", models.DateTimeField(auto_now_add=True, verbose_name="proven")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passes",
                        to="curriculum.attempt",
                        verbose_name="attempt",
                    ),
                ),
            ],
            options={
                "verbose_name": "proven condition",
                "verbose_name_plural": "proven conditions",
                "ordering": ["passed_at"],
                "constraints": [
                    models.UniqueConstraint(fields=("attempt", "condition"), name="one_pass_per_condition")
                ],
            },
        ),
        migrations.CreateModel(
            name="Draft",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.SlugField(verbose_name="step")),
                ("text", models.TextField(blank=True, verbose_name="text")),
                ("before", models.TextField(blank=True, verbose_name="text before")),
                ("changed_at", models.DateTimeField(auto_now=True, verbose_name="changed")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="drafts",
                        to="curriculum.attempt",
                        verbose_name="attempt",
                    ),
                ),
            ],
            options={
                "verbose_name": "draft",
                "verbose_name_plural": "drafts",
                "constraints": [
                    models.UniqueConstraint(fields=("attempt", "step"), name="one_draft_per_step")
                ],
            },
        ),
        migrations.CreateModel(
            name="HintOpening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("step", models.SlugField(verbose_name="step")),
                ("number", models.PositiveSmallIntegerField(verbose_name="number")),
                ("opened_at", models.DateTimeField(auto_now_add=True, verbose_name="opened")),
                (
                    "attempt",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="hints",
                        to="curriculum.attempt",
                        verbose_name="attempt",
                    ),
                ),
            ],
            options={
                "verbose_name": "opened hint",
                "verbose_name_plural": "opened hints",
                "ordering": ["opened_at", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("attempt", "step", "number"), name="one_opening_per_hint")
                ],
            },
        ),
        migrations.AddIndex(
            model_name="quizattempt",
            index=models.Index(fields=["student", "chapter"], name="curriculum__student_e5cb8c_idx"),
        ),
        migrations.AddConstraint(
            model_name="quizanswer",
            constraint=models.UniqueConstraint(
                fields=("attempt", "question"), name="one_answer_per_question"
            ),
        ),
        migrations.RunPython(add_index, remove_index),
    ]
