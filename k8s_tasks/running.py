"""A worker's part of a command: start it in the pod, let the loop drive it, keep what became of it."""

import logging

from django.conf import settings
from django.db import close_old_connections
from django.utils.translation import gettext as _
from opentelemetry import trace

from curriculum.course import get_course
from curriculum.enums import LIVE_STEPS
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.execs import Process
from k8s_tasks.deeds import Deed
from k8s_tasks.domain.captures import keep_packets
from k8s_tasks.domain.limits import run_bytes
from k8s_tasks.domain.rechecks import ask_recheck
from k8s_tasks.domain.runs import TERMINAL_SECONDS, set_run_state
from k8s_tasks.drive import Drive, Limits, Outcome, Window, keep_beating
from k8s_tasks.enums import RunKind, RunState
from k8s_tasks.execution import end_process, locate, work_of
from k8s_tasks.execution import start as start_work
from k8s_tasks.loop import loop_redis, on_loop, submit
from k8s_tasks.models import Run
from k8s_tasks.pump import COMMAND_TICK, TERMINAL_TICK, CappedPublisher, Publisher, RollingPublisher
from k8s_tasks.speech import speaking_to

logger = logging.getLogger(__name__)
tracer = trace.get_tracer("redes")


def run_command(run_id: str, *, columns: int, rows: int) -> None:
    """Drive a queued run to its end; one that is no longer queued is left alone."""
    run = Run.objects.select_related("session__cluster", "session__attempt__lab", "requested_by").get(
        pk=run_id
    )
    beating = submit(_beat(run))
    try:
        with speaking_to(run.requested_by), tracer.start_as_current_span("run", attributes=facts_of(run)):
            if set_run_state(run, RunState.STARTING):
                _drive(run, columns, rows)
    finally:
        beating.cancel()
        ask_recheck(run.session_id)


def facts_of(run: Run) -> dict[str, str]:
    """What a trace tells of a run: where it is, never what was typed."""
    session = run.session
    cluster = session.cluster.name if session.cluster else ""
    facts = {
        "run": run.pk,
        "kind": run.kind,
        "step": run.step,
        "lab": session.attempt.lab.slug,
        "pod": run.pod,
    }
    return {f"redes.{name}": str(value) for name, value in {**facts, "cluster": cluster}.items()}


async def _beat(run: Run) -> None:
    await keep_beating(loop_redis(), run.pk)


def _drive(run: Run, columns: int, rows: int) -> None:
    limits = limits_of(run)
    try:
        with tracer.start_as_current_span("start in the pod"):
            process = _start(run, limits)
        publisher, driving = _begin(run, process, limits, columns, rows)
        set_run_state(run, RunState.RUNNING)
        close_old_connections()  # a stream of minutes must not hold a database connection
        outcome = driving.result()
    except ClusterError as error:
        set_run_state(run, RunState.FAILED, reason=str(error))
    except Exception:
        logger.exception("run %s broke", run.pk)
        set_run_state(run, RunState.FAILED, reason=_("The platform failed to run this."))
    else:
        # Before the end is told: who hears of it finds the packets.
        trouble = keep_packets(run)
        set_run_state(
            run,
            outcome.state,
            exit_code=outcome.exit_code,
            reason=outcome.reason or trouble,
            output_bytes=publisher.written,
        )


def limits_of(run: Run) -> Limits:
    if run.kind == RunKind.TERMINAL:
        idle = settings.OPTIONS["TERMINAL_IDLE_SECONDS"]
        closed = Outcome(RunState.TIMED_OUT, reason=_("Nobody used this terminal for %d s.") % idle)
        over = Outcome(RunState.TIMED_OUT, reason=_("The terminal's time is over."))
        return Limits(TERMINAL_SECONDS, over, idle_seconds=idle, when_idle=closed)
    step = get_course().lab(run.session.attempt.lab.slug).step(run.step)
    seconds = min(step.seconds, settings.OPTIONS["RUN_SECONDS"])
    # A live command is meant to be ended; any other should have ended by itself.
    state = RunState.SUCCEEDED if step.kind in LIVE_STEPS else RunState.TIMED_OUT
    return Limits(seconds, Outcome(state, reason=_("Stopped after %d s.") % seconds))


def _start(run: Run, limits: Limits) -> Process | Deed:
    place = on_loop(locate(run))
    if place and place["node"] != run.node:
        run.node = place["node"]
        run.save(update_fields=["node"])
    return on_loop(start_work(work_of(run, place), limits.seconds))


def _begin(run: Run, process: Process | Deed, limits: Limits, columns: int, rows: int):
    """The publisher, and the future of the outcome."""
    publisher = _publisher_for(run)
    window = Window() if run.kind == RunKind.TERMINAL else None
    drive = Drive(run.pk, process, publisher, limits, end_process=lambda: _end(run, process), window=window)

    async def driving() -> Outcome:
        if run.kind == RunKind.TERMINAL:
            await process.resize(columns=columns, rows=rows)
            await publisher.event("resize", columns=columns, rows=rows)
        return await drive.run(loop_redis())

    return publisher, submit(driving())


async def _end(run: Run, process: Process | Deed) -> None:
    if isinstance(process, Deed):
        await process.close()
    await end_process(run)


def _publisher_for(run: Run) -> Publisher:
    kind, tick = (
        (RollingPublisher, TERMINAL_TICK) if run.kind == RunKind.TERMINAL else (CappedPublisher, COMMAND_TICK)
    )
    began, cap = run.created_at.timestamp(), run_bytes()
    return kind(loop_redis(), run.pk, tick=tick, began=began, cap=cap)


def end_left_process(run_id: str) -> None:
    """End the process of a run whose worker is dead; what it captured is kept."""
    run = Run.objects.select_related("session__cluster", "session__attempt__lab").get(pk=run_id)
    try:
        on_loop(end_process(run))
    except ClusterError as error:
        # The pod's own clock ends it in the end; nothing more can be done from here.
        logger.warning("what run %s left in its pod could not be ended: %s", run_id, error)
    keep_packets(run)
