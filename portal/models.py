"""People and their classes."""

import secrets

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _

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
    created_at = models.DateTimeField(_("made on"), auto_now_add=True)
    archived_at = models.DateTimeField(_("archived on"), null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = _("class")
        verbose_name_plural = _("classes")

    def __str__(self):
        return self.name
