"""What a class is to do and until when: set by its instructors, seen by its students."""

from collections.abc import Sequence
from datetime import datetime

from django import forms
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from curriculum import queries as work
from curriculum.course import get_course
from portal.chapters import chapter_or_404
from portal.grading import grades_of
from portal.lab_page import find_lab
from portal.models import Assignment, Classroom, User
from portal.taught import taught_or_404


class AssignmentForm(forms.ModelForm):
    due_at = forms.DateTimeField(
        label=gettext_lazy("due"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    class Meta:
        model = Assignment
        fields = ["due_at", "points"]


@require_http_methods(["GET", "HEAD"])
def assignments(request, class_id):
    classroom = taught_or_404(request, class_id)
    return render(request, "assignments.html", context_of(classroom))


@require_POST
def assign(request, class_id):
    """One lab by `lab`, or all of a chapter by `chapter`; those that are assigned stay as they are."""
    classroom = taught_or_404(request, class_id)
    if "chapter" in request.POST:
        labs = [lab.slug for lab in chapter_or_404(request.POST["chapter"]).labs]
    else:
        labs = [slug] if find_lab(slug := request.POST.get("lab", "")) else []
    for slug in labs:
        Assignment.objects.get_or_create(classroom=classroom, lab=slug)
    return redirect("class-assignments", class_id=classroom.pk)


@require_POST
def change(request, class_id, assignment_id):
    classroom = taught_or_404(request, class_id)
    assignment = get_object_or_404(classroom.assignments, pk=assignment_id)
    form = AssignmentForm(request.POST, instance=assignment, prefix=str(assignment.pk))
    if not form.is_valid():
        return render(request, "assignments.html", context_of(classroom, wrong=form), status=422)
    form.save()
    return redirect("class-assignments", class_id=classroom.pk)


@require_POST
def withdraw(request, class_id, assignment_id):
    """The students' work at the lab stays; it is only asked for no more."""
    classroom = taught_or_404(request, class_id)
    get_object_or_404(classroom.assignments, pk=assignment_id).delete()
    return redirect("class-assignments", class_id=classroom.pk)


def context_of(classroom: Classroom, wrong: AssignmentForm | None = None) -> dict:
    assigned = in_course_order(classroom.assignments.all())
    forms = [
        wrong
        if wrong and wrong.instance.pk == each.pk
        else AssignmentForm(instance=each, prefix=str(each.pk))
        for each in assigned
    ]
    taken = {each.lab for each in assigned}
    return {
        "classroom": classroom,
        "rows": [
            {"form": form, "assignment": form.instance, "lab": find_lab(form.instance.lab)} for form in forms
        ],
        "chapters_left": [
            {"chapter": chapter, "labs": left}
            for chapter in get_course().chapters
            if (left := [lab for lab in chapter.labs if lab.slug not in taken])
        ],
    }


def in_course_order(assigned: Sequence[Assignment]) -> list[Assignment]:
    """As the labs stand in the course; those it has dropped come last."""
    places = {lab.slug: place for place, lab in enumerate(get_course().labs)}
    return sorted(assigned, key=lambda each: (places.get(each.lab, len(places)), each.lab))


def due_of(student: User) -> list[dict]:
    """What the student's open classes ask for, soonest first: {assignment, classroom, lab,
    progress, grade, state}."""
    classes = student.classrooms.filter(archived_at=None).prefetch_related("assignments")
    progress = work.progress(student)
    now = timezone.now()
    rows = [
        {
            "assignment": grade.assignment,
            "classroom": classroom,
            "lab": lab,
            "progress": progress[lab.slug],
            "grade": grade,
            "state": _state(grade.assignment.due_at, progress[lab.slug]["is_passed"], now),
        }
        for classroom in classes
        for grade in grades_of(classroom, [student], list(classroom.assignments.all()))[student.pk]
        if (lab := find_lab(grade.assignment.lab))
    ]
    return sorted(
        rows, key=lambda row: (row["state"] == "done", row["assignment"].due_at or _NEVER, row["lab"].number)
    )


_NEVER = timezone.make_aware(datetime(9999, 1, 1))


def _state(due: datetime | None, is_passed: bool, now: datetime) -> str:
    if is_passed:
        return "done"
    return "late" if due and due < now else "open"
