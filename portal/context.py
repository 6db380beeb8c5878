"""What every page knows."""

from django.conf import settings
from django.utils.translation import get_language

from curriculum.course import get_course
from portal.preview import preview_context


def portal(request):
    return {
        "languages": settings.LANGUAGES,
        "language": get_language(),
        "chapters": get_course().chapters,
        "preview": preview_context(),
    }
