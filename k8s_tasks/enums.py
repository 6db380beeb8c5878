"""States and kinds, named once."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SessionState(models.TextChoices):
    QUEUED = "queued", _("In the queue")
    PREPARING = "preparing", _("Preparing")
    READY = "ready", _("Ready")
    EXPIRING = "expiring", _("Expiring")
    ENDED = "ended", _("Ended")
    FAILED = "failed", _("Failed")
    GONE = "gone", _("Cluster gone")


LIVE_SESSION_STATES = (
    SessionState.QUEUED,
    SessionState.PREPARING,
    SessionState.READY,
    SessionState.EXPIRING,
)
USABLE_SESSION_STATES = (SessionState.READY, SessionState.EXPIRING)


class RunKind(models.TextChoices):
    COMMAND = "command", _("Command")
    APPLY = "apply", _("Manifest")
    NODE = "node", _("Command on a node")
    ADDON = "addon", _("What an add-on says")
    CAPTURE = "capture", _("Live capture")
    IMPAIR = "impair", _("Impairment")
    PROXY = "proxy", _("Mode of kube-proxy")
    TERMINAL = "terminal", _("Terminal")
    VERIFY = "verify", _("Verification")


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    STARTING = "starting", _("Starting")
    RUNNING = "running", _("Running")
    SUCCEEDED = "succeeded", _("Finished")
    FAILED = "failed", _("Could not run")
    CANCELLED = "cancelled", _("Stopped")
    TIMED_OUT = "timed_out", _("Out of time")
    LOST = "lost", _("Lost")


OPEN_RUN_STATES = (RunState.QUEUED, RunState.STARTING, RunState.RUNNING)


class CapabilityState(models.TextChoices):
    PRESENT = "present", _("Present")
    ABSENT = "absent", _("Absent")
    UNKNOWN = "unknown", _("Unknown")
