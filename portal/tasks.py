"""What workers do for the portal: short, safe to run twice, and asked for again while something is left."""

from celery import shared_task

from portal.lti import scores
from portal.xapi import outbox as statements


@shared_task(acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def send_scores() -> None:
    scores.work_off()


@shared_task(acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def send_statements() -> None:
    statements.work_off()
