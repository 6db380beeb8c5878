"""A person's data: all of it to take along, and gone when they want it gone (LGPD 18, GDPR 15-20)."""

import gzip
import io
import json
import zipfile

from django import forms
from django.contrib.auth import logout
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from curriculum.models import Attempt, QuizAttempt
from k8s_tasks.domain.sessions import end_session
from k8s_tasks.enums import LIVE_SESSION_STATES
from k8s_tasks.models import LabSession, Run, SharedTyping
from portal.models import LtiScore, Note, Override, Statement, User

GONE = "erased-{}"
ACCOUNT = ("username", "first_name", "last_name", "email", "role", "language", "date_joined", "last_login")


class EraseForm(forms.Form):
    """Typed, so that it does not happen by a slip; with the password, where there is one, so that nobody else
    does it."""

    username = forms.CharField(label=gettext_lazy("Your username"), max_length=150)
    password = forms.CharField(
        label=gettext_lazy("Your password"), widget=forms.PasswordInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, *args, person: User, **kwargs):
        super().__init__(*args, **kwargs)
        self.person = person
        if not person.has_usable_password():  # who comes from a learning platform has none to type
            del self.fields["password"]

    def clean(self):
        told = super().clean()
        if told.get("username") != self.person.get_username():
            self.add_error("username", _("This is not your username."))
        if "password" in self.fields and not self.person.check_password(told.get("password", "")):
            self.add_error("password", _("This is not your password."))
        return told


@require_safe
def export(request):
    """A ZIP: `data.json`, what every command printed, as asciicasts, and what was captured, as pcap."""
    body = export_of(request.user)
    name = f"redes-{request.user.get_username()}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(body, content_type="application/zip", headers=headers)


@require_http_methods(["GET", "HEAD", "POST"])
def erase(request):
    form = EraseForm(request.POST or None, person=request.user)
    if request.method == "POST" and form.is_valid():
        person = request.user
        logout(request)
        erase_person(person)
        return redirect("erased")
    return render(request, "erase.html", {"form": form}, status=422 if form.errors else 200)


@require_safe
def erased(request):
    return render(request, "erased.html")


def export_of(person: User) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.json", json.dumps(data_of(person), indent=1, ensure_ascii=False, default=str))
        runs = Run.objects.filter(session__attempt__student=person)
        for run in runs.filter(transcript__isnull=False).select_related("transcript").iterator(chunk_size=50):
            archive.writestr(f"runs/{run.pk}.cast", gzip.decompress(run.transcript.cast))
        for run in runs.filter(capture__isnull=False).select_related("capture").iterator(chunk_size=5):
            archive.writestr(f"runs/{run.pk}.pcap", gzip.decompress(run.capture.pcap))
    return packed.getvalue()


def data_of(person: User) -> dict:
    """Everything that is kept about somebody, by what it is."""
    attempts = Attempt.objects.filter(student=person).select_related("lab")
    return {
        "account": {name: getattr(person, name) for name in ACCOUNT},
        "classes": list(person.classrooms.values("name", "starts_on", "ends_on")),
        "classes_taught": list(person.classrooms_taught.values("name")),
        "learning_platforms": list(
            person.lti_identities.values(
                "platform__name", "subject", "is_linked", "memberships__context__title", "memberships__role"
            )
        ),
        "grades_sent": list(
            LtiScore.objects.filter(identity__user=person).values(
                "context__platform__name", "assignment__lab", "points", "most", "state", "sent_at"
            )
        ),
        "statements": list(Statement.objects.filter(person=person).values("store__name", "body", "sent_at")),
        "attempts": [
            _attempt(each) for each in attempts.prefetch_related("answers", "hints", "passes", "drafts")
        ],
        "runs": list(
            Run.objects.filter(session__attempt__student=person).values(
                "id", "kind", "step", "pod", "argv", "text", "state", "exit_code", "created_at", "ended_at"
            )
        ),
        "typed_by_others": list(
            SharedTyping.objects.filter(run__session__attempt__student=person).values(
                "run", "person__username", "began_at"
            )
        ),
        "checks": list(
            Attempt.objects.filter(student=person, results__isnull=False).values(
                "results__condition", "results__verdict", "results__reason", "results__created_at"
            )
        ),
        "quizzes": [_quiz(each) for each in QuizAttempt.objects.filter(student=person)],
        "notes": list(person.notes.values("author__username", "lab", "text", "created_at", "read_at")),
        "raised_hands": list(
            person.hands.values(
                "text", "created_at", "closed_at", "log__person__username", "log__deed", "log__at"
            )
        ),
        "certificates": list(
            person.certificates.values("code", "chapter", "statement", "created_at", "withdrawn_at")
        ),
        "changed_grades": list(person.overrides.values("assignment__lab", "points", "comment", "created_at")),
    }


def _attempt(attempt: Attempt) -> dict:
    return {
        "lab": attempt.lab.slug,
        "parameters": attempt.parameters,
        "started_at": attempt.started_at,
        "passed_at": attempt.passed_at,
        "answers": list(attempt.answers.values("step", "value", "confidence", "is_right", "created_at")),
        "hints": list(attempt.hints.values("step", "number", "opened_at")),
        "proven": list(attempt.passes.values("condition", "reason", "is_helped", "passed_at")),
        "drafts": list(attempt.drafts.values("step", "text", "before", "changed_at")),
    }


def _quiz(attempt: QuizAttempt) -> dict:
    return {
        "chapter": attempt.chapter,
        "started_at": attempt.started_at,
        "answers": list(attempt.answers.values("question", "value", "is_right", "answered_at")),
    }


def erase_person(person: User) -> None:
    """The account, the work and every transcript. Of somebody who wrote to students or changed grades a row
    without a name stays: those are the students' records."""
    with transaction.atomic():
        live = LabSession.objects.filter(attempt__student=person, state__in=LIVE_SESSION_STATES)
        for session in live.select_related("attempt__student"):
            end_session(session, _("The account was erased."))
    with transaction.atomic():
        Attempt.objects.filter(student=person).delete()
        QuizAttempt.objects.filter(student=person).delete()
        Run.objects.filter(requested_by=person).update(requested_by=None)
        if Note.objects.filter(author=person).exists() or Override.objects.filter(made_by=person).exists():
            _make_nameless(person)
        else:
            person.delete()


def _make_nameless(person: User) -> None:
    for classes in (person.classrooms, person.classrooms_taught):
        classes.clear()
    person.notes.all().delete()
    person.overrides.all().delete()
    person.certificates.all().delete()
    person.lti_identities.all().delete()
    Statement.objects.filter(person=person).delete()
    person.username = GONE.format(person.pk)
    person.first_name = person.last_name = person.email = ""
    person.is_active = person.is_staff = person.is_superuser = False
    person.set_unusable_password()
    person.save()
