"""What a student has proven, to show to others: on paper, with an address at which anybody can check it.

A certificate says which labs were passed and when, and names the student only if they want that. It is
signed with the key that signs evidence, and it is no more than a list: whoever opens its address has the
evidence of each lab checked at that moment. An attempt in whose terminal an instructor typed does not
count here: it is not the student's own proof. Its student takes a certificate back at any time.
"""

import json
import secrets
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError, transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from curriculum import queries as work_queries
from curriculum.course import get_course
from curriculum.enums import Verdict
from curriculum.evidence import check_export, check_signature, fingerprint
from curriculum.models import Attempt
from curriculum.specs import Chapter, LabSpec
from k8s_tasks import signing
from portal.models import CODE_LETTERS, Certificate, User
from portal.standing import is_own, is_whole

GROUPS, GROUP = 3, 4  # the letters of a code: 26^12 of them are not guessed


@dataclass(frozen=True)
class Proven:
    """One lab of a certificate: how many of its conditions have evidence whose signature holds, and what is
    wrong with it, in one word; empty is nothing."""

    title: str
    number: str
    passed_at: datetime
    conditions: int
    held: int
    wrong: str = ""


@require_POST
def issue(request):
    """Of a chapter, or with an empty one of the whole course; `with_name` is the consent to be named."""
    chapters = _chapters_of(request.POST.get("chapter", ""))
    progress = work_queries.progress(request.user)
    if not chapters or not all(is_own(each, progress) for each in chapters):
        messages.error(request, _("A certificate is given when every lab it names is proven, by you alone."))
        return redirect("progress")
    certificate = make_certificate(
        request.user, request.POST.get("chapter", ""), chapters, is_named="with_name" in request.POST
    )
    return redirect("certificate", code=certificate.code)


@require_safe
def certificate(request, code):
    """To print. Only its student has it; others have its address."""
    mine = get_object_or_404(request.user.certificates.filter(withdrawn_at=None), code=code)
    address = request.build_absolute_uri(reverse("verify-certificate", kwargs={"code": mine.code}))
    context = {"certificate": mine, **told_of(mine), "address": address, "qr": qr_of(address)}
    return render(request, "certificate.html", context)


@require_POST
def withdraw(request, code):
    mine = get_object_or_404(request.user.certificates.filter(withdrawn_at=None), code=code)
    Certificate.objects.filter(pk=mine.pk).update(withdrawn_at=timezone.now(), statement={}, signature="")
    messages.success(request, _("The certificate is withdrawn: its address says so, and nothing else."))
    return redirect("progress")


@login_not_required
@require_safe
@never_cache
def find(request):
    """A code as it was typed from paper."""
    if not request.GET.get("code"):
        return render(request, "verify.html")
    return _lead_to(request, request.GET["code"])


@login_not_required
@require_safe
@never_cache
def verify(request, code):
    """For everybody: what was proven, checked now. A withdrawn one tells no more than that."""
    found = Certificate.objects.filter(code=code).first()
    if found is None:
        return _lead_to(request, code)
    if found.withdrawn_at:
        return render(request, "verify.html", {"certificate": found}, status=410)
    if not is_genuine(found):
        return render(request, "verify.html", {"certificate": found, "is_foreign": True})
    labs = check_labs(found)
    is_whole = all(lab.held == lab.conditions and not lab.wrong for lab in labs)
    context = {"certificate": found, **told_of(found), "labs": labs, "is_whole": is_whole}
    return render(request, "verify.html", context)


def make_certificate(
    student: User, scope: str, chapters: Sequence[Chapter], *, is_named: bool
) -> Certificate:
    """With the name the student has now. Where there is one that is not withdrawn, that one."""
    code = _make_code()
    labs = [lab for chapter in chapters for lab in chapter.labs]
    statement = {
        "certificate": code,
        "name": str(student.get_full_name() or student) if is_named else "",
        "scope": scope,
        "chapters": [chapter.slug for chapter in chapters],
        "labs": [_proven(lab, attempt) for lab, attempt in _passed(student, labs)],
        "issued_at": timezone.now().isoformat(timespec="seconds"),
    }
    facts = {
        "code": code,
        "statement": statement,
        "signature": signing.sign_statement(statement),
    }
    try:
        with transaction.atomic():
            return Certificate.objects.create(student=student, chapter=scope, **facts)
    except IntegrityError:
        return student.certificates.get(chapter=scope, withdrawn_at=None)


def told_of(certificate: Certificate) -> dict:
    """The words of a certificate: titles are the course's of today, or the slugs of what it has dropped."""
    titles = {chapter.slug: chapter for chapter in get_course().chapters}
    return {
        "chapters": [titles.get(slug, slug) for slug in certificate.statement["chapters"]],
        "is_course": not certificate.statement["scope"],
        "issued_at": datetime.fromisoformat(certificate.statement["issued_at"]),
        "proven": [_as_told(each) for each in certificate.statement["labs"]],
        "fingerprint": fingerprint(signing.public_key()),
    }


def is_genuine(certificate: Certificate) -> bool:
    """Whether our key has signed this for this code."""
    is_signed = check_signature(signing.public_key(), certificate.statement, certificate.signature)
    return is_signed and certificate.statement.get("certificate") == certificate.code


def check_labs(certificate: Certificate) -> list[Proven]:
    """Every signature and hash of evidence is reckoned anew, by the code that checks exports offline."""
    stated = certificate.statement["labs"]
    attempts = list(Attempt.objects.filter(pk__in=[each["attempt"] for each in stated]))
    # As it would be downloaded: what is checked is what anybody could check.
    export = json.dumps(signing.export_of(attempts))
    held, wrong = defaultdict(set), Counter()
    for checked in check_export(export)[1]:
        statement = checked.statement
        if checked.wrong:
            wrong[statement.get("attempt")] += 1
        elif checked.is_signed and statement["verdict"] == Verdict.PASS:
            held[statement["attempt"]].add(statement["condition"])
    return [_checked(each, held[each["attempt"]], wrong[each["attempt"]]) for each in stated]


def qr_of(address: str) -> str:
    """An SVG for the page, dark on light in either theme, for a phone must read it."""
    code = segno.make(address, error="m", micro=False)
    # Without a size of its own it has a view box, and the style sheet may scale it whole.
    svg = code.svg_inline(omitsize=True, border=3, light="white", svgclass="qr", lineclass=None, title="QR")
    return mark_safe(svg)  # noqa: S308 - segno's own drawing: the address is in it as squares only


def offers(student: User, progress: Mapping[str, dict]) -> list[dict]:
    """What is passed, whether it may be certified (`is_ready`: by the student's own hands alone), and the
    certificate where there is one: each chapter, then the whole course."""
    mine = {each.chapter: each for each in student.certificates.filter(withdrawn_at=None)}
    chapters = [chapter for chapter in get_course().chapters if chapter.labs]
    rows = [(each.slug, each, is_whole(each, progress), is_own(each, progress)) for each in chapters]
    rows.append(("", None, all(row[2] for row in rows), all(row[3] for row in rows)))
    return [
        {"scope": scope, "chapter": chapter, "is_ready": is_ready, "certificate": mine.get(scope)}
        for scope, chapter, is_passed, is_ready in rows
        if is_passed or scope in mine
    ]


def _chapters_of(scope: str) -> list[Chapter]:
    chapters = [chapter for chapter in get_course().chapters if chapter.labs]
    if not scope:
        return chapters
    found = [chapter for chapter in chapters if chapter.slug == scope]
    if not found:
        raise Http404(f"no chapter {scope}")
    return found


def _passed(student: User, labs: Sequence[LabSpec]) -> list[tuple[LabSpec, Attempt]]:
    """With the attempt that passed each first, of those that are the student's own."""
    passed = Attempt.objects.filter(student=student, passed_at__isnull=False).order_by("passed_at")
    passed = passed.exclude(passes__is_helped=True)
    first: dict[str, Attempt] = {}
    for attempt in passed.select_related("lab").prefetch_related("passes"):
        first.setdefault(attempt.lab.slug, attempt)
    return [(lab, first[lab.slug]) for lab in labs]


def _proven(lab: LabSpec, attempt: Attempt) -> dict:
    return {
        "lab": lab.slug,
        "number": lab.number,
        "lab_version": attempt.lab_version,
        "attempt": str(attempt.pk),
        "conditions": sorted(each.condition for each in attempt.passes.all()),
        "passed_at": attempt.passed_at.isoformat(timespec="seconds"),
    }


def _as_told(stated: dict) -> Proven:
    titles = {lab.slug: str(lab.title) for lab in get_course().labs}
    return Proven(
        title=titles.get(stated["lab"], stated["lab"]),
        number=stated["number"],
        passed_at=datetime.fromisoformat(stated["passed_at"]),
        conditions=len(stated["conditions"]),
        held=0,
    )


def _checked(stated: dict, held: set[str], wrong: int) -> Proven:
    facts = vars(_as_told(stated)) | {"held": len(held & set(stated["conditions"]))}
    return Proven(**facts | {"wrong": "changed" if wrong else ""})


def _lead_to(request, typed: str):
    """To the certificate with this code: capitals, spaces and dashes are as people type them."""
    code = _grouped("".join(letter for letter in typed.lower() if letter in CODE_LETTERS))
    if not Certificate.objects.filter(code=code).exists():
        return render(request, "verify.html", {"is_unknown": True}, status=404)
    return redirect("verify-certificate", code=code)


def _make_code() -> str:
    return _grouped("".join(secrets.choice(CODE_LETTERS) for _ in range(GROUPS * GROUP)))


def _grouped(code: str) -> str:
    return "-".join(code[at : at + GROUP] for at in range(0, len(code), GROUP))
