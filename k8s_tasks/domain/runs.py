"""Acts on runs. `set_run_state` is the only place that changes a run's state."""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import OperationalError

from curriculum import queries as work
from curriculum.course import get_course
from curriculum.enums import RUN_STEPS, StepKind
from curriculum.parameters import SubstitutionError
from curriculum.specs import Step
from k8s_tasks import transcripts
from k8s_tasks.commands import command_of, manifest_of, node_of
from k8s_tasks.domain.capabilities import why_skipped
from k8s_tasks.enums import OPEN_RUN_STATES, USABLE_SESSION_STATES, RunKind, RunState
from k8s_tasks.models import LabSession, Run
from k8s_tasks.queries import step_values
from k8s_tasks.queue import STREAMS, enqueue
from k8s_tasks.redis_keys import redis_client, run_beat, run_cancel, run_input, run_output
from k8s_tasks.streams import publish_notice

RUN_KINDS = {
    StepKind.APPLY: RunKind.APPLY,
    StepKind.EDIT: RunKind.APPLY,
    StepKind.NODE: RunKind.NODE,
    StepKind.ADDON: RunKind.ADDON,
    StepKind.CAPTURE: RunKind.CAPTURE,
    StepKind.IMPAIR: RunKind.IMPAIR,
    StepKind.PROXY: RunKind.PROXY,
}
OPEN_RUNS_PER_SESSION = 12
STREAM_KEPT_SECONDS = 3600  # after the end; later the transcript answers
TERMINAL_ARGV = ["bash", "-l"]
TERMINAL_SECONDS = 4 * 3600
MENDED_FOR, MEND_AFTER = timedelta(minutes=10), timedelta(seconds=5)

_BEFORE = {
    RunState.QUEUED: (),
    RunState.STARTING: (RunState.QUEUED,),
    RunState.RUNNING: (RunState.STARTING,),
}


class RunError(Exception):
    """A run that cannot be had; the text is for the student, in their language."""


def start_run(session: LabSession, step: Step, *, user, text: str | None = None) -> Run:
    """Queue a step's command, or the apply of a text. What runs in the step's pane is stopped.

    Raises RunError.
    """
    check_may_run(session, step)
    if step.kind not in RUN_STEPS and text is None:
        raise RunError(_("This step has no command to run."))
    facts = _facts_of(step, session, text)
    _clear_pane(session, step)
    _check_room(session)
    return _queue(Run(session=session, requested_by=user, step=step.key, pod=step.pod or "", **facts))


def check_may_run(session: LabSession, step: Step) -> None:
    """Raises RunError when the session is over, the cluster lacks something, or a prediction comes first."""
    _check_usable(session)
    if why := why_skipped(session.cluster, step.needs):
        raise RunError(why)
    if step.kind == StepKind.PROXY and not session.is_exclusive:
        raise RunError(_("Others use this cluster too: its kube-proxy is not changed."))
    if step.before and step.before not in work.answers(session.attempt):
        raise RunError(_("Commit your prediction first."))


def start_terminal(session: LabSession, pod: str, *, user, columns: int, rows: int) -> Run:
    """Queue a shell in one of the lab's pods. Raises RunError."""
    _check_usable(session)
    if pod not in {each.name for each in _lab_of(session).pods}:
        raise RunError(_("There is no such pod in this lab."))
    _check_room(session)
    run = Run(session=session, requested_by=user, kind=RunKind.TERMINAL, pod=pod, argv=TERMINAL_ARGV)
    return _queue(run, columns=columns, rows=rows)


def start_verification(session: LabSession, *, user) -> Run:
    """Queue a check of all conditions; one that is under way is given back. Raises RunError."""
    _check_usable(session)
    asked = session.runs.filter(kind=RunKind.VERIFY, state__in=OPEN_RUN_STATES)
    under_way = asked.exclude(requested_by=None).first()  # a recheck's own news is of some conditions only
    return under_way or _queue(Run(session=session, requested_by=user, kind=RunKind.VERIFY))


def cancel_run(run: Run, *, reason: str) -> None:
    """Ask for the end of a run; an ended one stays as it is. The worker ends the process in the pod."""
    if set_run_state(run, RunState.CANCELLED, reason=reason, only_from=(RunState.QUEUED,)):
        return
    with redis_client().pipeline(transaction=False) as pipe:
        pipe.set(run_cancel(run.pk), reason, ex=STREAM_KEPT_SECONDS)
        pipe.xadd(run_input(run.pk), {"kind": "cancel", "data": reason})
        pipe.expire(run_input(run.pk), STREAM_KEPT_SECONDS)
        pipe.execute()


def cancel_open_runs(session: LabSession, *, reason: str) -> None:
    for run in session.runs.filter(state__in=OPEN_RUN_STATES):
        cancel_run(run, reason=reason)


def set_run_state(
    run: Run,
    state: RunState,
    *,
    exit_code: int | None = None,
    reason: str = "",
    output_bytes: int | None = None,
    only_from: tuple[RunState, ...] | None = None,
) -> bool:
    """The one gate. False, and no effect, when the run is not where the change starts from: it
    was taken or ended by somebody else meanwhile.

    Each change is told to the session's pages. An end also closes the run's stream with an `end`
    entry, keeps the transcript and lets the Redis keys expire.
    """
    now = timezone.now()
    changes = {"state": state, "exit_code": exit_code, "reason": reason}
    if output_bytes is not None:
        changes["output_bytes"] = output_bytes
    if state == RunState.STARTING:
        changes["started_at"] = now
    if state not in OPEN_RUN_STATES:
        changes["ended_at"] = now
    before = only_from or _BEFORE.get(state, OPEN_RUN_STATES)
    if not Run.objects.filter(pk=run.pk, state__in=before).update(**changes):
        return False
    for name, value in changes.items():
        setattr(run, name, value)
    if run.ended_at:
        _close_stream(run)
    publish_notice(run.session_id, "run", run_notice(run))
    return True


def run_notice(run: Run) -> dict:
    return {
        "run": str(run.pk),
        "kind": run.kind,
        "step": run.step,
        "state": run.state,
        "exit_code": run.exit_code,
        "reason": run.reason,
    }


def _close_stream(run: Run) -> None:
    ms = int((run.ended_at - run.created_at).total_seconds() * 1000)
    output = run_output(run.pk)
    with redis_client().pipeline(transaction=False) as pipe:
        pipe.xadd(output, {"src": "end", "ms": ms, "data": transcripts.end_data(run)})
        pipe.expire(output, STREAM_KEPT_SECONDS)
        pipe.delete(run_beat(run.pk), run_cancel(run.pk), run_input(run.pk))
        pipe.execute()
    transcripts.save_transcript(run)


def finish_ended_runs() -> None:
    """Do what the gate could not: an end that came while Redis was away is said now. For the watcher."""
    recent = timezone.now() - MENDED_FOR
    for run in Run.objects.filter(
        ended_at__gte=recent, ended_at__lte=timezone.now() - MEND_AFTER, transcript=None
    ):
        _close_stream(run)
        publish_notice(run.session_id, "run", run_notice(run))


def _check_usable(session: LabSession) -> None:
    if session.state not in USABLE_SESSION_STATES:
        raise RunError(_("This session is not running."))


def _check_room(session: LabSession) -> None:
    if session.runs.filter(state__in=OPEN_RUN_STATES).count() >= OPEN_RUNS_PER_SESSION:
        raise RunError(_("Too much is running in this session; stop something first."))


def _lab_of(session: LabSession):
    return get_course().lab(session.attempt.lab.slug)


def _facts_of(step: Step, session: LabSession, text: str | None) -> dict:
    """What the run's row says of the step besides its pod."""
    values = step_values(session)
    try:
        if text is None and step.manifest:
            text = manifest_of(_lab_of(session), step, values)
        return {
            "text": text or "",
            "kind": RUN_KINDS.get(step.kind, RunKind.COMMAND),
            "node": node_of(step, session.bindings),
            "argv": command_of(step, values),
        }
    except SubstitutionError as error:
        raise RunError(_("The command cannot be made: %(why)s") % {"why": error}) from error


def _clear_pane(session: LabSession, step: Step) -> None:
    if not step.pane:
        return
    steps = [each.key for each in _lab_of(session).steps if each.pane == step.pane]
    for run in session.runs.filter(state__in=OPEN_RUN_STATES, step__in=steps):
        cancel_run(run, reason=_("Another command took its pane."))


def _queue(run: Run, **options) -> Run:
    """Keep the run and hand it to a worker; a run that cannot be handed over is not kept."""
    with transaction.atomic():
        run.save(force_insert=True)
        transaction.on_commit(lambda: _hand_over(run, options))
    return run


def _hand_over(run: Run, options: dict) -> None:
    try:
        if run.kind == RunKind.VERIFY:
            enqueue("verify", run.pk)
        else:
            enqueue("run_command", run.pk, queue=STREAMS, **options)
    except OperationalError as error:
        run.delete()
        raise RunError(_("The queue of commands does not answer.")) from error
