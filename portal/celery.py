"""The Celery application: two queues, `streams` for commands and `verify` for everything else."""

import os

from celery import Celery
from celery.signals import worker_init

from portal.tracing import begin_tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect
def trace_tasks(**_signal) -> None:
    begin_tracing("worker")
