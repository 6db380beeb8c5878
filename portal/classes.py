"""Classes: who is in them, who has proven what, and the work of one student."""

from collections.abc import Sequence

from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from curriculum.course import get_course
from curriculum.specs import LabSpec
from portal import access
from portal.class_work import grid_rows, student_work
from portal.lab_page import lab_or_404
from portal.models import Classroom


@require_safe
def classes(request):
    context = {
        "classrooms": access.taught_classrooms(request.user).prefetch_related("students"),
        "joined": request.user.classrooms.all(),
    }
    return render(request, "classes.html", context)


@require_safe
def grid(request, class_id):
    """Student by condition, of the lab in `?lab=` (the first of the course if none is named)."""
    classroom = get_object_or_404(access.taught_classrooms(request.user), pk=class_id)
    labs = get_course().labs
    lab = lab_or_404(request.GET["lab"]) if "lab" in request.GET else first_or_404(labs)
    context = {
        "classroom": classroom,
        "lab": lab,
        "labs": labs,
        "conditions": lab.conditions,
        "rows": grid_rows(classroom, lab),
        "join_url": request.build_absolute_uri(reverse("join", kwargs={"code": classroom.join_code})),
    }
    return render(request, "class.html#grid" if request.htmx else "class.html", context)


@require_safe
def student(request, class_id, student_id):
    classroom = get_object_or_404(access.taught_classrooms(request.user), pk=class_id)
    student = get_object_or_404(classroom.students, pk=student_id)
    context = {"classroom": classroom, "student": student, "attempts": student_work(student)}
    return render(request, "class_student.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
def join(request, code):
    """The link a teacher hands out. Looking at it changes nothing; the button joins."""
    classroom = get_object_or_404(Classroom, join_code=code)
    if request.method == "POST":
        classroom.students.add(request.user)
        return redirect("home")
    is_member = classroom.students.filter(pk=request.user.pk).exists()
    return render(request, "join.html", {"classroom": classroom, "is_member": is_member})


def first_or_404(labs: Sequence[LabSpec]) -> LabSpec:
    if not labs:
        raise Http404("the course has no lab")
    return labs[0]
