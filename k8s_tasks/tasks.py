"""What workers do: ids in, one call, nothing out.

`streams` carries what a student waits for and may run for minutes: acknowledged at once and never
repeated, for the row and the heartbeat tell what became of it. `verify` carries the rest: short,
safe to run twice, and given to another worker when one dies in the middle. What may take longer than the
broker waits for that is one worker's at a time. `k8s_tasks.queue` sends them.
"""

from celery import shared_task

from k8s_tasks import measuring, preparing, rechecking, running, verifying, worker  # noqa: F401 - worker listens to signals
from k8s_tasks.sole import sole_worker

_again = {"acks_late": True, "reject_on_worker_lost": True, "ignore_result": True}


@shared_task(ignore_result=True)
def run_command(run_id: str, columns: int = 80, rows: int = 24) -> None:
    running.run_command(run_id, columns=columns, rows=rows)


@shared_task(**_again)
def end_process(run_id: str) -> None:
    running.end_left_process(run_id)


@shared_task(**_again)
def verify(run_id: str) -> None:
    verifying.verify(run_id)


@shared_task(**_again)
def recheck(session_id: str) -> None:
    rechecking.recheck(session_id)


@shared_task(**_again)
def prepare_session(session_id: str) -> None:
    with sole_worker("prepare_session", session_id) as ours:
        if ours:
            preparing.prepare_session(session_id)


@shared_task(**_again)
def clear_session(session_id: str) -> None:
    preparing.clear_session(session_id)


@shared_task(**_again)
def prepare_spare(spare_id: str) -> None:
    with sole_worker("prepare_spare", spare_id) as ours:
        if ours:
            preparing.prepare_spare(spare_id)


@shared_task(**_again)
def clear_spare(spare_id: str, *, namespace: str, cluster: int) -> None:
    preparing.clear_spare(spare_id, namespace=namespace, cluster=cluster)


@shared_task(**_again)
def preflight(cluster_id: str) -> None:
    measuring.preflight(cluster_id)
