"""Notes from instructors, as students read them on their lab pages."""

from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from k8s_tasks.enums import LIVE_SESSION_STATES
from k8s_tasks.models import LabSession
from k8s_tasks.streams import publish_notice
from portal.models import User


def tell_students(students) -> None:
    """Their open lab pages fetch their notes at once."""
    live = LabSession.objects.filter(attempt__student__in=students, state__in=LIVE_SESSION_STATES)
    for session_id in live.values_list("pk", flat=True):
        publish_notice(session_id, "note", {})


def notes_for(student: User):
    """What stands on the student's lab pages."""
    return student.notes.filter(read_at=None).select_related("author", "classroom")


@require_safe
def notes(request):
    return render(request, "parts/notes.html", {"notes": notes_for(request.user)})


@require_POST
def put_away(request, note_id):
    note = get_object_or_404(request.user.notes, pk=note_id)
    note.read_at = note.read_at or timezone.now()
    note.save(update_fields=["read_at"])
    if request.htmx:
        return render(request, "parts/notes.html", {"notes": notes_for(request.user)})
    return redirect("my-work")
