"""What an instructor changes about a class: its name, who may join, who leaves, and its end."""

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal import access
from portal.classes import classes_page, join_url
from portal.models import Assignment, Classroom, User, make_join_code
from portal.taught import taught_or_404, told


class ClassForm(forms.ModelForm):
    class Meta:
        model = Classroom
        fields = ["name", "starts_on", "ends_on"]
        widgets = {
            "starts_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            "ends_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        }

    def clean(self):
        told = super().clean()
        if told.get("starts_on") and told.get("ends_on") and told["ends_on"] < told["starts_on"]:
            self.add_error("ends_on", _("A class ends after it begins."))
        return told


@require_POST
def create(request):
    if not request.user.is_instructor:
        raise Http404
    form = ClassForm(request.POST)
    if not form.is_valid():
        return classes_page(request, form)
    classroom = form.save()
    classroom.instructors.add(request.user)
    return redirect("class", class_id=classroom.pk)


@require_http_methods(["GET", "HEAD", "POST"])
def settings(request, class_id):
    classroom = taught_or_404(request, class_id)
    form = ClassForm(request.POST or None, instance=classroom)
    if request.method == "POST" and form.is_valid():
        form.save()
        return told(request, classroom, _("The class is saved."))
    context = {
        "classroom": taught_or_404(request, class_id),  # with its name as it is, not as it was typed
        "form": form,
        "students": classroom.students.order_by("first_name", "last_name", "username"),
        "instructors": classroom.instructors.order_by("first_name", "last_name", "username"),
        "other_classes": access.taught_classrooms(request.user)
        .filter(archived_at=None)
        .exclude(pk=classroom.pk),
        "join_url": join_url(request, classroom),
    }
    return render(request, "class_settings.html", context, status=422 if form.errors else 200)


@require_POST
def archive(request, class_id):
    """`archived=1` puts the class away, anything else takes it out again."""
    classroom = taught_or_404(request, class_id)
    is_archived = request.POST.get("archived") == "1"
    classroom.archived_at = timezone.now() if is_archived else None
    classroom.save(update_fields=["archived_at"])
    return told(request, classroom, _("The class is archived.") if is_archived else _("The class is open."))


@require_POST
def renew_code(request, class_id):
    """For a link that went to the wrong people: the old one leads nowhere from now on."""
    classroom = taught_or_404(request, class_id)
    classroom.join_code = make_join_code()
    classroom.save(update_fields=["join_code"])
    return told(request, classroom, _("The class has a new link."))


@require_POST
def remove_student(request, class_id, student_id):
    """The student's work stays theirs; the class's instructors no longer see it."""
    classroom = taught_or_404(request, class_id)
    student = get_object_or_404(classroom.students, pk=student_id)
    classroom.students.remove(student)
    name = student.get_full_name() or student.username
    return told(request, classroom, _("%(student)s is no longer in the class.") % {"student": name})


@require_POST
def move_student(request, class_id, student_id):
    """To another class of the same instructor; the work goes with the student."""
    classroom = taught_or_404(request, class_id)
    student = get_object_or_404(classroom.students, pk=student_id)
    wanted = request.POST.get("to", "")
    others = access.taught_classrooms(request.user).filter(archived_at=None)
    target = get_object_or_404(others, pk=int(wanted) if wanted.isdecimal() else 0)
    with transaction.atomic():
        target.students.add(student)
        classroom.students.remove(student)
    facts = {"student": student.get_full_name() or student.username, "name": target.name}
    return told(request, classroom, _("%(student)s is now in the class %(name)s.") % facts)


@require_POST
def add_instructor(request, class_id):
    """By username, and only somebody who is an instructor already: a role is the administrator's to give."""
    classroom = taught_or_404(request, class_id)
    name = request.POST.get("username", "").strip()
    person = User.objects.filter(username=name, is_active=True).first()
    if person is None or not person.is_instructor:
        messages.error(request, _("No instructor has the username %(name)s.") % {"name": name})
        return redirect("class-settings", class_id=classroom.pk)
    classroom.instructors.add(person)
    return told(request, classroom, _("%(name)s teaches this class, too.") % {"name": person})


@require_POST
def remove_instructor(request, class_id, person_id):
    classroom = taught_or_404(request, class_id)
    person = get_object_or_404(classroom.instructors, pk=person_id)
    if classroom.instructors.count() == 1:
        messages.error(request, _("A class keeps at least one instructor."))
        return redirect("class-settings", class_id=classroom.pk)
    classroom.instructors.remove(person)
    if person == request.user and not request.user.is_superuser:
        return redirect("classes")
    return told(request, classroom, _("%(name)s no longer teaches this class.") % {"name": person})


@require_POST
def copy(request, class_id):
    """A new class with the same assignments and instructors, without students and dates."""
    classroom = taught_or_404(request, class_id)
    with transaction.atomic():
        name = _("%(name)s (copy)") % {"name": classroom.name}
        fresh = Classroom.objects.create(name=name[:120])
        fresh.instructors.set(classroom.instructors.all())
        fresh.assignments.bulk_create(
            Assignment(classroom=fresh, lab=each.lab, points=each.points)
            for each in classroom.assignments.all()
        )
    return told(request, fresh, _("The class is copied, without its students and dates."))
