"""What the pages for instructors have in common: the class, or nothing at all."""

from django.contrib import messages
from django.shortcuts import get_object_or_404, redirect

from portal import access
from portal.models import Classroom


def taught_or_404(request, class_id: int) -> Classroom:
    return get_object_or_404(access.taught_classrooms(request.user), pk=class_id)


def told(request, classroom: Classroom, sentence: str):
    """Back to the settings, where the sentence is shown."""
    messages.success(request, sentence)
    return redirect("class-settings", class_id=classroom.pk)
