"""Finds runs whose worker died, says so, and ends what they left in their pods.

A worker beats for every run it has taken. A beat that is missing twice in a row means that nobody
drives the run any more; once may be a Redis that has just come back.

A verification that stays in the queue, and a session that nobody prepares, are asked for again. The broker
takes a message out of the queue before the worker has noted that it has it, and what a worker dies on in
between is nobody's.
"""

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from k8s_tasks.domain.runs import set_run_state
from k8s_tasks.enums import OPEN_RUN_STATES, RunKind, RunState, SessionState
from k8s_tasks.models import LabSession, Run
from k8s_tasks.queue import enqueue
from k8s_tasks.redis_keys import redis_client, run_beat, task_beat
from k8s_tasks.speech import speaking_to

# A dead worker's verification is given back to a living one after some seconds: see the settings.
VERIFY_GRACE = timedelta(seconds=40)
QUEUE_GRACE = timedelta(seconds=60)
ASK_AGAIN = timedelta(seconds=10)  # that it waited or was asked for


class Reaper:
    """Remembers whose beat is missing since which look, and what it has asked for again."""

    def __init__(self):
        self._silent_since: dict = {}
        self._asked: dict[tuple, datetime] = {}

    def look(self) -> list[Run]:
        """Give up what is lost and return it. One query and one look into Redis."""
        silent, now = _silent_runs(), timezone.now()
        before = self._silent_since
        lost = [run for run in silent if run.pk in before and now > _deadline(run, before[run.pk])]
        self._silent_since = {run.pk: before.get(run.pk, now) for run in silent}
        verifications = [("verify", run.pk) for run in silent if _may_be_nobodys(run)]
        self._ask_again([*verifications, *_unprepared_sessions()])
        return [run for run in lost if give_up(run)]

    def _ask_again(self, waiting: list[tuple]) -> None:
        """A queue that is only long gets one message more each time, which its worker drops."""
        now = timezone.now()
        self._asked = {work: at for work, at in self._asked.items() if work in waiting}
        for work in waiting:
            if work not in self._asked or now > self._asked[work] + ASK_AGAIN:
                enqueue(*work)
                self._asked[work] = now


def _may_be_nobodys(run: Run) -> bool:
    is_waiting = run.kind == RunKind.VERIFY and run.state == RunState.QUEUED
    return is_waiting and timezone.now() > run.created_at + ASK_AGAIN


def _unprepared_sessions() -> list[tuple]:
    """Whoever prepares one beats for it: see k8s_tasks.sole."""
    given = LabSession.objects.filter(state=SessionState.PREPARING, placed_at__lt=timezone.now() - ASK_AGAIN)
    ids = list(given.values_list("pk", flat=True))
    beats = redis_client().mget([task_beat("prepare_session", pk) for pk in ids]) if ids else []
    return [("prepare_session", pk) for pk, beat in zip(ids, beats, strict=True) if beat is None]


def _silent_runs() -> list[Run]:
    runs = list(Run.objects.filter(state__in=OPEN_RUN_STATES).select_related("requested_by"))
    beats = redis_client().mget([run_beat(run.pk) for run in runs]) if runs else []
    return [run for run, beat in zip(runs, beats, strict=True) if beat is None]


def _deadline(run: Run, silent_since: datetime) -> datetime:
    """Until then a run without a beat may still be taken by a worker. How long it had run does not matter."""
    if run.state == RunState.QUEUED:
        return run.created_at + QUEUE_GRACE
    return silent_since + (VERIFY_GRACE if run.kind == RunKind.VERIFY else timedelta())


def give_up(run: Run) -> bool:
    """False when the run came to an end meanwhile."""
    was_queued = run.state == RunState.QUEUED
    with speaking_to(run.requested_by):
        reason = _("No worker took this run.") if was_queued else _("The worker that ran this was lost.")
    if not set_run_state(run, RunState.LOST, reason=reason):
        return False
    if not was_queued and run.kind != RunKind.VERIFY:
        enqueue("end_process", run.pk)
    return True
