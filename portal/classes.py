"""Classes: who is in them, who has proven what, and the work of one student."""

from collections.abc import Sequence

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from curriculum import quiz_queries
from curriculum.course import get_course
from curriculum.specs import LabSpec
from k8s_tasks.enums import LIVE_SESSION_STATES
from portal import access
from portal.assignments import due_of
from portal.calibration import calibration
from portal.class_predictions import histograms
from portal.class_work import fingerprint, grid_rows, student_work
from portal.lab_page import find_lab, lab_or_404
from portal.limits import is_too_often
from portal.models import Classroom, User


@require_safe
def classes(request):
    return classes_page(request)


def classes_page(request, form=None):
    """`form`: one for a new class, sent back with what is wrong in it."""
    taught = access.taught_classrooms(request.user).annotate(student_total=Count("students"))
    context = {
        "classrooms": [each for each in taught if not each.archived_at],
        "archived": [each for each in taught if each.archived_at],
        "joined": request.user.classrooms.filter(archived_at=None),
        "due": due_of(request.user),
        "form": form,
    }
    return render(request, "classes.html", context, status=422 if form else 200)


@require_safe
def grid(request, class_id):
    """Student by condition, of the lab in `?lab=` (the first of the course if none is named).

    htmx asks for the table every few seconds and names the one it has `seen`: 204 when nothing has
    changed, so that a reader's focus and place are left alone. The histograms are asked for apart.
    """
    classroom = get_object_or_404(access.taught_classrooms(request.user), pk=class_id)
    labs = get_course().labs
    lab = lab_or_404(request.GET["lab"]) if "lab" in request.GET else first_or_404(labs)
    if request.htmx.target == "predicted":
        context = {"classroom": classroom, "lab": lab, "histograms": histograms(classroom, lab)}
        return render(request, "class.html#predicted", context)
    rows = grid_rows(classroom, lab)
    state = fingerprint(rows)
    if request.htmx and request.GET.get("seen") == state:
        return HttpResponse(status=204)
    context = {
        "classroom": classroom,
        "lab": lab,
        "labs": labs,
        "conditions": lab.conditions,
        "rows": rows,
        "seen": state,
        "join_url": join_url(request, classroom),
    }
    if request.htmx:
        return render(request, "class.html#grid", context)
    return render(request, "class.html", {**context, "histograms": histograms(classroom, lab)})


@require_safe
def student(request, class_id, student_id):
    classroom = get_object_or_404(access.taught_classrooms(request.user), pk=class_id)
    student = get_object_or_404(classroom.students, pk=student_id)
    context = {"classroom": classroom, "student": student, **work_context(student)}
    return render(request, "class_student.html", context)


@require_safe
def my_work(request):
    """One's own attempts: what was proven and when, and every run to watch again."""
    context = {**work_context(request.user), "open_sessions": open_sessions(request.user)}
    return render(request, "my_work.html", context)


def work_context(student: User) -> dict:
    work = student_work(student)
    return {
        "attempts": work,
        "calibration": calibration(work),
        "quiz_attempts": quiz_queries.scored_attempts(student),
        "chapter_titles": {each.slug: f"{each.number}. {each.title}" for each in get_course().chapters},
    }


def open_sessions(student: User) -> list[dict]:
    """With their labs, the one that ends first foremost."""
    live = access.own_sessions(student).filter(state__in=LIVE_SESSION_STATES).order_by("expires_at")
    slugs = [(each, each.attempt.lab.slug) for each in live]
    return [{"session": each, "slug": slug, "lab": find_lab(slug)} for each, slug in slugs]


@require_http_methods(["GET", "HEAD", "POST"])
def join(request, code):
    """The link a teacher hands out. Looking at it changes nothing; the button joins."""
    classroom = get_object_or_404(Classroom, join_code=code)
    if request.method == "POST" and not classroom.archived_at:
        classroom.students.add(request.user)
        return redirect("home")
    is_member = classroom.students.filter(pk=request.user.pk).exists()
    context = {"classroom": classroom, "is_member": is_member}
    return render(request, "join.html", context, status=409 if request.method == "POST" else 200)


@require_POST
def join_by_code(request):
    """The code as it was read from the board; the page it leads to says what joining means."""
    code = request.POST.get("code", "").strip().lower()
    if is_too_often("join", str(request.user.pk), times=20, seconds=600):
        messages.error(request, _("Too many tries; wait some minutes."))
    elif Classroom.objects.filter(join_code=code, archived_at=None).exists():
        return redirect("join", code=code)
    else:
        messages.error(request, _("No open class has this code."))
    return redirect("classes")


@require_POST
def leave(request, class_id):
    """One's work stays one's own; the class's instructors no longer see it."""
    classroom = get_object_or_404(request.user.classrooms, pk=class_id)
    classroom.students.remove(request.user)
    messages.success(request, _("You have left the class %(name)s.") % {"name": classroom.name})
    return redirect("classes")


def join_url(request, classroom: Classroom) -> str:
    return request.build_absolute_uri(reverse("join", kwargs={"code": classroom.join_code}))


def first_or_404(labs: Sequence[LabSpec]) -> LabSpec:
    if not labs:
        raise Http404("the course has no lab")
    return labs[0]
