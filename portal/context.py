"""What every page knows."""

from django.conf import settings


def portal(request):
    return {"languages": settings.LANGUAGES}
