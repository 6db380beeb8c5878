"""What a student may use. An administrator's figures count from the next session, extension or run on; where
there is none, the option of the same name does."""

from django.conf import settings

from k8s_tasks.models import Limits


def sessions_per_student() -> int:
    return _limit("sessions_per_student")


def session_minutes() -> int:
    return _limit("session_minutes")


def run_bytes() -> int:
    return _limit("run_bytes")


def _limit(name: str) -> int:
    chosen = Limits.objects.values_list(name, flat=True).first()
    return settings.OPTIONS[name.upper()] if chosen is None else chosen
