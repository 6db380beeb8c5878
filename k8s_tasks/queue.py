"""Handing work to workers, by the names of `k8s_tasks.tasks`."""

from celery import current_app

STREAMS, VERIFY = "streams", "verify"


def enqueue(task: str, id, *, queue: str = VERIFY, **options) -> None:
    """Returns once the broker has it. Raises kombu's OperationalError when there is no broker."""
    current_app.send_task(f"k8s_tasks.tasks.{task}", args=[str(id)], kwargs=options, queue=queue)
