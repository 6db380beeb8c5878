"""What an instructor changes about a class: its name, who may join, who leaves, and its end."""

from django import forms
from django.contrib import messages
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from portal import access
from portal.classes import classes_page, join_url
from portal.models import Classroom, make_join_code


class ClassForm(forms.ModelForm):
    class Meta:
        model = Classroom
        fields = ["name"]


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


def taught_or_404(request, class_id: int) -> Classroom:
    return get_object_or_404(access.taught_classrooms(request.user), pk=class_id)


def told(request, classroom: Classroom, sentence: str):
    messages.success(request, sentence)
    return redirect("class-settings", class_id=classroom.pk)
