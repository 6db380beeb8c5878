"""People and their classes."""

import secrets

from django.contrib.auth.models import AbstractUser
from django.core.validators import MaxValueValidator
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from k8s_tasks.models import LabSession, Run

# No vowels and no look-alikes: a code read aloud in class is not mistaken, nor spells a word.
CODE_LETTERS = "bcdfghjkmnpqrstvwxz2456789"


def make_join_code() -> str:
    return "".join(secrets.choice(CODE_LETTERS) for _ in range(8))


class Role(models.TextChoices):
    STUDENT = "student", _("Student")
    INSTRUCTOR = "instructor", _("Instructor")


class User(AbstractUser):
    """A person. Administrators are Django's superusers; an instructor may also be a student."""

    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.STUDENT)
    language = models.CharField(_("language"), max_length=8, blank=True)

    @property
    def is_instructor(self) -> bool:
        return self.role == Role.INSTRUCTOR or self.is_superuser


class Classroom(models.Model):
    """A class (turma): its instructors see the work of its students. An archived one takes nobody
    in any more and stays readable."""

    name = models.CharField(_("name"), max_length=120)
    join_code = models.CharField(_("join code"), max_length=16, unique=True, default=make_join_code)
    instructors = models.ManyToManyField(
        User, related_name="classrooms_taught", verbose_name=_("instructors")
    )
    students = models.ManyToManyField(User, related_name="classrooms", blank=True, verbose_name=_("students"))
    starts_on = models.DateField(_("begins on"), null=True, blank=True)
    ends_on = models.DateField(_("ends on"), null=True, blank=True)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    archived_at = models.DateTimeField(_("archived on"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("class")
        verbose_name_plural = _("classes")

    def __str__(self):
        return self.name


class Credit(models.TextChoices):
    SHARE = "share", _("for each proven condition its share")
    WHOLE = "whole", _("only for a lab proven whole")


class GradingRules(models.Model):
    """How a class's work becomes points. Percentages are of an assignment's points."""

    classroom = models.OneToOneField(
        Classroom, models.CASCADE, related_name="grading", verbose_name=_("class")
    )
    credit = models.CharField(_("points"), max_length=8, choices=Credit, default=Credit.SHARE)
    hint_cost = models.PositiveSmallIntegerField(
        _("a hint costs (%)"), default=0, validators=[MaxValueValidator(100)]
    )
    late_cost = models.PositiveSmallIntegerField(
        _("a day late costs (%)"), default=0, validators=[MaxValueValidator(100)]
    )
    late_floor = models.PositiveSmallIntegerField(
        _("late work keeps at least (%)"), default=0, validators=[MaxValueValidator(100)]
    )

    class Meta:
        verbose_name = _("grading rules")
        verbose_name_plural = _("grading rules")

    def __str__(self):
        return str(self.classroom)


class Assignment(models.Model):
    """A lab that a class is to do, and until when. `lab` is the lab's short name: a lab that the course
    drops stays in the books."""

    classroom = models.ForeignKey(
        Classroom, models.CASCADE, related_name="assignments", verbose_name=_("class")
    )
    lab = models.SlugField(_("lab"))
    due_at = models.DateTimeField(_("due"), null=True, blank=True)
    points = models.PositiveSmallIntegerField(_("points"), default=10)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["classroom", "lab"], name="one_assignment_per_lab_and_class")
        ]
        verbose_name = _("assignment")
        verbose_name_plural = _("assignments")

    def __str__(self):
        return f"{self.classroom}: {self.lab}"


class Override(models.Model):
    """An instructor's own points for one student's assignment, in place of the reckoned ones. Rows are never
    changed: the newest counts, and one without points gives the reckoned ones back."""

    assignment = models.ForeignKey(
        Assignment, models.CASCADE, related_name="overrides", verbose_name=_("assignment")
    )
    student = models.ForeignKey(User, models.CASCADE, related_name="overrides", verbose_name=_("student"))
    points = models.DecimalField(_("points"), max_digits=6, decimal_places=2, null=True, blank=True)
    comment = models.CharField(_("comment"), max_length=500)
    made_by = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)

    class Meta:
        ordering = ["created_at", "pk"]
        verbose_name = _("changed grade")
        verbose_name_plural = _("changed grades")


class Note(models.Model):
    """What an instructor writes to a student about a lab; it stands on the student's lab page until it is
    put away."""

    classroom = models.ForeignKey(Classroom, models.CASCADE, related_name="notes", verbose_name=_("class"))
    author = models.ForeignKey(User, models.PROTECT, related_name="+", verbose_name=_("by"))
    student = models.ForeignKey(User, models.CASCADE, related_name="notes", verbose_name=_("student"))
    lab = models.SlugField(_("lab"))
    text = models.CharField(_("text"), max_length=1000)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    read_at = models.DateTimeField(_("put away"), null=True, blank=True)

    class Meta:
        ordering = ["created_at", "pk"]
        verbose_name = _("note")
        verbose_name_plural = _("notes")

    def __str__(self):
        return self.text[:60]


class ApiToken(models.Model):
    """Opens the JSON API as its person. The secret itself is not kept."""

    person = models.ForeignKey(User, models.CASCADE, related_name="tokens", verbose_name=_("person"))
    name = models.CharField(_("name"), max_length=80)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    expires_at = models.DateTimeField(_("ends at"))
    used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        verbose_name = _("token")
        verbose_name_plural = _("tokens")

    def __str__(self):
        return self.name


class HelpRequest(models.Model):
    """A raised hand in a lab session. While `watch_given_at` is set, the instructors of the student's classes
    may watch the live terminals of that session; while `type_given_at` is, they may type in the one terminal
    `type_run`, and who pressed the first key, the `typist`, is the only one. The student takes either back at
    any moment. See `portal.keyboard`."""

    student = models.ForeignKey(User, models.CASCADE, related_name="hands", verbose_name=_("student"))
    session = models.ForeignKey(
        LabSession, models.CASCADE, related_name="hands", verbose_name=_("lab session")
    )
    run = models.ForeignKey(Run, models.SET_NULL, null=True, related_name="+", verbose_name=_("run"))
    text = models.CharField(_("text"), max_length=1000, blank=True)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    watch_given_at = models.DateTimeField(_("may be watched since"), null=True, blank=True)
    type_given_at = models.DateTimeField(_("may be typed in since"), null=True, blank=True)
    type_run = models.ForeignKey(
        Run, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("terminal")
    )
    typist = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("has the keyboard")
    )

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["session"], condition=models.Q(closed_at=None), name="one_hand_per_session"
            )
        ]
        verbose_name = _("raised hand")
        verbose_name_plural = _("raised hands")

    def __str__(self):
        return f"{self.student}: {self.text[:40]}"


class HelpDeed(models.TextChoices):
    RAISED = "raised", _("raised the hand")
    ALLOWED = "allowed", _("allowed watching")
    WITHDREW = "withdrew", _("withdrew the permission to watch")
    WATCHED = "watched", _("opened the terminal to watch")
    LENT = "lent", _("allowed typing in the terminal")
    TYPED = "typed", _("pressed the first key in the terminal")
    TOOK_BACK = "took-back", _("took the keyboard back")
    GAVE_BACK = "gave-back", _("gave the keyboard back")
    RAN_OUT = "ran-out", _("the typing ended with what it hung on")
    ANSWERED = "answered", _("answered")
    CLOSED = "closed", _("lowered the hand")


class HelpLog(models.Model):
    """Who did what about a raised hand; rows are only added."""

    request = models.ForeignKey(HelpRequest, models.CASCADE, related_name="log")
    person = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+", verbose_name=_("person"))
    deed = models.CharField(_("what"), max_length=16, choices=HelpDeed)
    at = models.DateTimeField(_("when"), default=timezone.now, editable=False)

    class Meta:
        ordering = ["at", "pk"]
        verbose_name = _("entry about a raised hand")
        verbose_name_plural = _("log of raised hands")


class Certificate(models.Model):
    """What its student shows to others of a chapter, or of the whole course where `chapter` is empty.
    `statement` is what was signed; its `name` is empty unless the student wished to be named. A withdrawn one
    keeps its code and nothing else."""

    code = models.CharField(_("code"), max_length=20, unique=True, editable=False)
    student = models.ForeignKey(
        User, models.CASCADE, related_name="certificates", verbose_name=_("student"), editable=False
    )
    chapter = models.SlugField(_("chapter"), blank=True, editable=False)
    statement = models.JSONField(default=dict, editable=False)
    signature = models.CharField(max_length=100, editable=False)
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["student", "chapter"],
                condition=models.Q(withdrawn_at=None),
                name="one_certificate_per_chapter",
            )
        ]
        verbose_name = _("certificate")
        verbose_name_plural = _("certificates")

    def __str__(self):
        return self.code


from portal.lti.models import (  # noqa: E402, F401 - they refer to the people and classes above
    LtiContext,
    LtiIdentity,
    LtiLaunch,
    LtiLineItem,
    LtiMember,
    LtiPlatform,
    LtiScore,
    ToolKey,
)
from portal.xapi.models import RecordStore, Statement  # noqa: E402, F401
