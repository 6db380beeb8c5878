"""The live page of a class, and the notes an instructor sends from it."""

from django.contrib import messages
from django.db import transaction
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from portal.classes import join_url
from portal.hands import hands_told
from portal.models import Classroom, Note, User
from portal.notes import tell_students
from portal.overview import Stuck, cells_of, labs_of, stuck_of, students_of
from portal.taught import taught_or_404

LONGEST_NOTE = 1000


@require_safe
def live(request, class_id):
    """htmx asks for the reasons alone when work has moved; cells come by the class's socket."""
    classroom = taught_or_404(request, class_id)
    if request.htmx.target == "stuck":
        return render(
            request, "class_live.html#stuck", {"classroom": classroom, "groups": stuck_of(classroom)}
        )
    if request.htmx.target == "hands":
        return render(
            request, "class_live.html#hands", {"classroom": classroom, "hands": hands_told(classroom)}
        )
    students, labs = students_of(classroom), labs_of(classroom)
    cells = cells_of(students, labs)
    context = {
        "classroom": classroom,
        "labs": labs,
        "rows": [{"student": each, "cells": cells[each.pk]} for each in students],
        "groups": stuck_of(classroom),
        "hands": hands_told(classroom),
        "join_url": join_url(request, classroom),
    }
    return render(request, "class_live.html", context)


@require_POST
def send_note(request, class_id):
    """To all who are stuck in one way now (`group`), or to one student about one lab."""
    classroom = taught_or_404(request, class_id)
    text = request.POST.get("text", "").strip()[:LONGEST_NOTE]
    group = next((each for each in stuck_of(classroom) if each.key == request.POST.get("group")), None)
    if not text:
        messages.error(request, _("Write something first."))
    elif group is None:
        messages.error(request, _("Nobody is stuck there any more."))
    else:
        _send(classroom, request.user, group, text)
        count = len(group.students)
        told = ngettext("Sent to %(count)d student.", "Sent to %(count)d students.", count)
        messages.success(request, told % {"count": count})
    return redirect("class-live", class_id=classroom.pk)


def _send(classroom: Classroom, author: User, group: Stuck, text: str) -> None:
    facts = {"classroom": classroom, "author": author, "lab": group.lab.slug, "text": text}
    with transaction.atomic():
        Note.objects.bulk_create(Note(student=student, **facts) for student in group.students)
    tell_students(group.students)
