"""Handing work to workers, by the names of `k8s_tasks.tasks`."""

import logging

from celery import current_app
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

STREAMS, VERIFY = "streams", "verify"
logger = logging.getLogger(__name__)


def enqueue(task: str, id, *, queue: str = VERIFY, countdown: float | None = None, **options) -> None:
    """Returns once the broker has it; it is done after `countdown` seconds. Raises kombu's
    OperationalError when there is no broker."""
    name = f"k8s_tasks.tasks.{task}"
    current_app.send_task(name, args=[str(id)], kwargs=options, queue=queue, countdown=countdown)


def ask_softly(task: str) -> None:
    """Ask for a task that works off what waits in the database. It is asked for again anyhow, so that a
    broker that is away does no harm."""
    try:
        current_app.send_task(task, queue=VERIFY, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        logger.warning("%s is asked for later: %s", task, error)
