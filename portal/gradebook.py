"""The gradebook: points by the class's rules, changed by hand where an instructor knows better, exported."""

import csv
import io
from decimal import Decimal

from django import forms
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from portal.assignments import in_course_order
from portal.grading import grades_of, rules_of
from portal.lab_page import find_lab
from portal.models import Assignment, Classroom, GradingRules, Override
from portal.taught import taught_or_404

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would take a cell for


class RulesForm(forms.ModelForm):
    class Meta:
        model = GradingRules
        fields = ["credit", "hint_cost", "late_cost", "late_floor"]


class OverrideForm(forms.ModelForm):
    """Without points the reckoned ones count again; a comment is always asked for."""

    class Meta:
        model = Override
        fields = ["points", "comment"]

    def clean_points(self):
        points = self.cleaned_data["points"]
        if points is not None and points < 0:
            raise forms.ValidationError(_("Points are not below zero."))
        return points


@require_safe
def gradebook(request, class_id):
    classroom = taught_or_404(request, class_id)
    return render(
        request, "gradebook.html", book_of(classroom) | {"form": RulesForm(instance=rules_of(classroom))}
    )


@require_POST
def rules(request, class_id):
    """What they make of the work is reckoned anew at once, everywhere."""
    classroom = taught_or_404(request, class_id)
    form = RulesForm(request.POST, instance=rules_of(classroom))
    if not form.is_valid():
        return render(request, "gradebook.html", book_of(classroom) | {"form": form}, status=422)
    form.save()
    return redirect("class-grades", class_id=classroom.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def grade(request, class_id, assignment_id, student_id):
    """One student's assignment: how it was reckoned, every change, and the next one."""
    classroom = taught_or_404(request, class_id)
    assignment = get_object_or_404(classroom.assignments, pk=assignment_id)
    student = get_object_or_404(classroom.students, pk=student_id)
    form = OverrideForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        facts = {"assignment": assignment, "student": student, "made_by": request.user}
        Override.objects.create(**facts, **form.cleaned_data)
        return redirect(request.path)
    (found,) = grades_of(classroom, [student], [assignment])[student.pk]
    context = {
        "classroom": classroom,
        "student": student,
        "lab": find_lab(assignment.lab),
        "grade": found,
        "rules": rules_of(classroom),
        "form": form,
    }
    return render(request, "grade.html", context, status=422 if form.errors else 200)


@require_safe
def as_csv(request, class_id):
    book = book_of(taught_or_404(request, class_id))
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in line] for line in lines_of(book))
    # The mark tells spreadsheets that it is UTF-8: without it they spoil every accent.
    return _file(book["classroom"], "csv", "text/csv; charset=utf-8", ("\ufeff" + text.getvalue()).encode())


@require_safe
def as_xlsx(request, class_id):
    # Here, for it is a tenth of what each process of the portal would load at its start.
    from openpyxl import Workbook
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = book_of(taught_or_404(request, class_id))
    workbook = Workbook()
    sheet = workbook.active
    for line in lines_of(book):
        sheet.append([_harmless(cell) for cell in line])
    for number, cell in enumerate(sheet[1], start=1):
        cell.font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = 28 if number < 4 else 16
    sheet.freeze_panes = "D2"
    body = io.BytesIO()
    workbook.save(body)
    return _file(book["classroom"], "xlsx", XLSX, body.getvalue())


def book_of(classroom: Classroom) -> dict:
    students = list(classroom.students.order_by("first_name", "last_name", "username"))
    assigned = in_course_order(classroom.assignments.all())
    grades = grades_of(classroom, students, assigned)
    rows = [
        {
            "student": student,
            "grades": grades[student.pk],
            "total": sum((each.points for each in grades[student.pk]), Decimal(0)),
        }
        for student in students
    ]
    return {
        "classroom": classroom,
        "columns": [{"assignment": each, "title": title_of(each)} for each in assigned],
        "rows": rows,
        "most": sum(each.points for each in assigned),
    }


def title_of(assignment: Assignment) -> str:
    lab = find_lab(assignment.lab)
    return f"{lab.number} {lab.title}" if lab else assignment.lab


def lines_of(book: dict) -> list[list]:
    """The table as a file holds it: names, a column per assignment, the sum."""
    titles = [f"{each['title']} ({each['assignment'].points})" for each in book["columns"]]
    head = [_("Name"), _("Username"), _("E-mail"), *titles, _("Total")]
    body = [
        [
            row["student"].get_full_name() or row["student"].username,
            row["student"].username,
            row["student"].email,
            *(each.points for each in row["grades"]),
            row["total"],
        ]
        for row in book["rows"]
    ]
    return [head, *body]


def _harmless(cell):
    """A student's name that begins like a formula stays a name when a spreadsheet opens it."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def _file(classroom: Classroom, ending: str, kind: str, body: bytes) -> HttpResponse:
    name = f"{slugify(classroom.name) or 'class'}-grades.{ending}"
    return HttpResponse(
        body, content_type=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )
