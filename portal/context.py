"""What every page knows."""

from django.conf import settings
from django.utils.translation import get_language


def portal(request):
    return {"languages": settings.LANGUAGES, "language": get_language()}
