"""What is kept of a student's work. The course itself is files (`curriculum.course`); a Lab row
stands for one lab folder so that attempts can point at it."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from curriculum.enums import Confidence, PassageKind, WhyDrawn
from curriculum.predictions import LARGEST_VALUE
from curriculum.text import choose_language


class Lab(models.Model):
    """One lab folder. `version` is the hash of the folder: results say which text they belong to."""

    slug = models.SlugField(_("short name"), unique=True)
    chapter = models.PositiveSmallIntegerField(_("chapter"))
    number = models.CharField(_("number"), max_length=8)
    title = models.JSONField(_("title"), help_text='{"pt-br": "...", "en": "..."}')
    version = models.CharField(_("version"), max_length=64)
    is_active = models.BooleanField(_("offered"), default=True)

    class Meta:
        ordering = ["chapter", "number"]
        verbose_name = _("lab")
        verbose_name_plural = _("labs")

    def __str__(self):
        return f"{self.number} {self.title.get(choose_language(get_language()), self.slug)}"


class Attempt(models.Model):
    """A student's try at a lab, kept for ever: who has work is deactivated, not deleted. Its seed
    fixes the parameters the student gets; a redo is another attempt."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    student = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="attempts", verbose_name=_("student")
    )
    lab = models.ForeignKey(Lab, models.PROTECT, related_name="attempts", verbose_name=_("lab"))
    lab_version = models.CharField(_("version of the lab"), max_length=64)
    seed = models.PositiveBigIntegerField(_("seed"))
    parameters = models.JSONField(_("parameters"), default=dict)
    started_at = models.DateTimeField(_("begun"), auto_now_add=True)
    passed_at = models.DateTimeField(_("all proven"), null=True, blank=True)
    skipped = models.JSONField(
        _("skipped"),
        default=dict,
        blank=True,
        help_text='{"condition": {"pt-br": "...", "en": "..."}}: what the cluster lacks for it',
    )

    class Meta:
        ordering = ["-started_at"]
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")

    def __str__(self):
        return f"{self.student} · {self.lab}"


class Answer(models.Model):
    """What a student typed or chose at a step. Answers may be changed, and the newest one counts.

    A prediction is an answer with a confidence: it is committed once, and what was right for this
    attempt is kept beside it, whatever becomes of the lab.
    """

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="answers", verbose_name=_("attempt"))
    step = models.SlugField(_("step"))
    value = models.CharField(_("value"), max_length=LARGEST_VALUE)
    confidence = models.PositiveSmallIntegerField(_("confidence"), choices=Confidence, null=True, blank=True)
    truth = models.CharField(_("right value"), max_length=LARGEST_VALUE, blank=True)
    is_right = models.BooleanField(_("right"), null=True, blank=True)
    created_at = models.DateTimeField(_("answered"), auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["attempt", "step"],
                condition=models.Q(confidence__isnull=False),
                name="one_prediction_per_step",
            )
        ]
        verbose_name = _("answer")
        verbose_name_plural = _("answers")


class Draft(models.Model):
    """What a student has written at an `edit` step so far. `before` is what they had written when they
    went back to the original, so that they can have it again."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="drafts", verbose_name=_("attempt"))
    step = models.SlugField(_("step"))
    text = models.TextField(_("text"), blank=True)
    before = models.TextField(_("text before"), blank=True)
    changed_at = models.DateTimeField(_("changed"), auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["attempt", "step"], name="one_draft_per_step")]
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")


class HintOpening(models.Model):
    """A hint that was opened before the attempt was passed; `number` counts from 1 within the step."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="hints", verbose_name=_("attempt"))
    step = models.SlugField(_("step"))
    number = models.PositiveSmallIntegerField(_("number"))
    opened_at = models.DateTimeField(_("opened"), auto_now_add=True)

    class Meta:
        ordering = ["opened_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "step", "number"], name="one_opening_per_hint")
        ]
        verbose_name = _("opened hint")
        verbose_name_plural = _("opened hints")


class ConditionPass(models.Model):
    """A condition that was proven, stored the moment it was, with its evidence. One that `is_helped` was
    found after somebody else had typed in the student's terminal: it is not the student's proof alone."""

    attempt = models.ForeignKey(Attempt, models.CASCADE, related_name="passes", verbose_name=_("attempt"))
    condition = models.SlugField(_("condition"))
    reason = models.JSONField(_("reason"))
    evidence = models.JSONField(_("evidence"))
    is_helped = models.BooleanField(_("with an instructor's keys"), default=False)
    passed_at = models.DateTimeField(_("proven"), auto_now_add=True)

    class Meta:
        ordering = ["passed_at"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "condition"], name="one_pass_per_condition")
        ]
        verbose_name = _("proven condition")
        verbose_name_plural = _("proven conditions")


class WrittenOnce(models.Model):
    """A row that is never changed: what was asked and answered stays as it was."""

    class Meta:
        abstract = True

    def save(self, *args, **kwargs):
        if not self._state.adding:
            raise TypeError(f"{type(self).__name__} is written once")
        super().save(*args, **kwargs)


class QuizAttempt(WrittenOnce):
    """A student's try at the quiz of a chapter. Its seed draws the numbers; `total` is how many questions
    the quiz had then. It is finished when all of them are answered."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    student = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="quiz_attempts", verbose_name=_("student")
    )
    chapter = models.SlugField(_("chapter"))
    quiz_version = models.CharField(_("version of the quiz"), max_length=64)
    seed = models.PositiveBigIntegerField(_("seed"))
    total = models.PositiveSmallIntegerField(_("questions"))
    started_at = models.DateTimeField(_("begun"), auto_now_add=True)

    class Meta:
        ordering = ["-started_at"]
        indexes = [models.Index(fields=["student", "chapter"])]
        verbose_name = _("quiz attempt")
        verbose_name_plural = _("quiz attempts")

    def __str__(self):
        return f"{self.student} · {self.chapter}"


class QuizQuestion(WrittenOnce):
    """A question as it was asked: with which values, and what is right then. Until it is answered it may be
    asked again, with what the cluster says now; the newest counts. `lab` is the one whose session was
    read, `why_drawn` why a live question was asked with drawn values."""

    attempt = models.ForeignKey(
        QuizAttempt, models.CASCADE, related_name="asked", verbose_name=_("quiz attempt")
    )
    question = models.SlugField(_("question"))
    given = models.JSONField(_("values"), default=dict)
    truth = models.CharField(_("right value"), max_length=LARGEST_VALUE)
    mistakes = models.JSONField(_("values of mistakes"), default=dict)
    lab = models.SlugField(_("lab"), blank=True)
    why_drawn = models.CharField(max_length=16, choices=WhyDrawn, blank=True)
    asked_at = models.DateTimeField(_("asked"), auto_now_add=True)

    class Meta:
        ordering = ["asked_at", "id"]
        verbose_name = _("question asked")
        verbose_name_plural = _("questions asked")


class QuizAnswer(WrittenOnce):
    """What was answered, once and for good. `mistake` is the wrong model it looks like: the key of a wrong
    choice or of a typical mistake."""

    attempt = models.ForeignKey(
        QuizAttempt, models.CASCADE, related_name="answers", verbose_name=_("quiz attempt")
    )
    asked = models.OneToOneField(QuizQuestion, models.CASCADE, related_name="answer")
    question = models.SlugField(_("question"))
    value = models.CharField(_("value"), max_length=LARGEST_VALUE)
    is_right = models.BooleanField(_("right"))
    mistake = models.SlugField(_("mistake"), blank=True)
    answered_at = models.DateTimeField(_("answered"), auto_now_add=True)

    class Meta:
        ordering = ["answered_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["attempt", "question"], name="one_answer_per_question")
        ]
        verbose_name = _("quiz answer")
        verbose_name_plural = _("quiz answers")


class Passage(models.Model):
    """A part of the course in one language, as search finds it. `load_course` writes them anew from the
    files; `title_words` and `text_words` are what is indexed (`curriculum.search`)."""

    language = models.CharField(_("language"), max_length=8)
    kind = models.CharField(_("kind"), max_length=8, choices=PassageKind)
    place = models.TextField(_("part of"), blank=True)
    title = models.TextField(_("title"))
    address = models.TextField(_("address"))
    text = models.TextField(_("text"), blank=True)
    title_words = models.TextField()
    text_words = models.TextField(blank=True)

    class Meta:
        verbose_name = _("passage")
        verbose_name_plural = _("passages")

    def __str__(self):
        return self.title
