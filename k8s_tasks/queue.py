"""Handing work to workers, by the names of `k8s_tasks.tasks`."""

from celery import current_app

STREAMS, VERIFY = "streams", "verify"


def enqueue(task: str, id, *, queue: str = VERIFY, countdown: float | None = None, **options) -> None:
    """Returns once the broker has it; it is done after `countdown` seconds. Raises kombu's
    OperationalError when there is no broker."""
    name = f"k8s_tasks.tasks.{task}"
    current_app.send_task(name, args=[str(id)], kwargs=options, queue=queue, countdown=countdown)
