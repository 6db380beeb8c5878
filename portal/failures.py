"""Where the replay of a run jumps to: what went wrong while it ran, in its own time.

That is the run's own end, the ends of other runs in the same session, and the verdicts of the attempt.
"""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from curriculum.enums import Verdict
from curriculum.specs import LabSpec
from k8s_tasks.enums import RunKind, RunState
from k8s_tasks.models import ConditionResult, Run
from portal.language import spoken

BROKEN_STATES = (RunState.FAILED, RunState.TIMED_OUT, RunState.LOST)
MISSED = (Verdict.FAIL, Verdict.UNDECIDED)
MOST = 200  # places; a terminal of an hour beside checks that are asked for again and again


@dataclass(frozen=True)
class Place:
    """`at` counts seconds from the beginning of the run; `kind` is a verdict, "run" or who types from there
    on (`portal.turns`); `run_url` leads to what failed, and is empty for the run that is replayed."""

    at: float
    kind: str
    title: str
    reason: str = ""
    run_url: str = ""

    @property
    def clock(self) -> str:
        minutes, seconds = divmod(int(self.at), 60)
        return f"{minutes}:{seconds:02}"


def failures_during(run: Run, lab: LabSpec | None) -> list[Place]:
    """The first of them, in the order of time. Two queries."""
    within = (run.created_at, run.ended_at or timezone.now())
    runs = [_of_run(each, run, lab) for each in _failed_runs(run, within)]
    verdicts = [_of_verdict(each, run, lab) for each in _missed_verdicts(run, within)]
    return sorted((*runs, *verdicts), key=lambda failure: failure.at)[:MOST]


def _failed_runs(run: Run, within: tuple[datetime, datetime]) -> QuerySet[Run]:
    """A run that was stopped has an exit code too, and no fault; a terminal may be closed for idleness."""
    exited = Q(exit_code__gt=0) & ~Q(state=RunState.CANCELLED)
    broke = Q(state__in=BROKEN_STATES) & ~Q(kind=RunKind.TERMINAL, state=RunState.TIMED_OUT)
    runs = run.session.runs.filter(exited | broke, ended_at__range=within)
    return runs.order_by("ended_at")[:MOST]


def _missed_verdicts(run: Run, within: tuple[datetime, datetime]) -> QuerySet[ConditionResult]:
    missed = run.session.attempt.results.filter(verdict__in=MISSED, created_at__range=within)
    return missed.select_related("run")[:MOST]


def _of_run(failed: Run, run: Run, lab: LabSpec | None) -> Place:
    titles = {step.key: str(step.title) for step in lab.steps} if lab else {}
    title = titles.get(failed.step) or failed.step or failed.get_kind_display()
    exited = _("exit %(code)s") % {"code": failed.exit_code} if failed.exit_code else None
    reason = " – ".join(filter(None, [exited or str(failed.get_state_display()), failed.reason]))
    return Place(seconds_into(run, failed.ended_at), "run", title, reason, _address(failed, run))


def _of_verdict(result: ConditionResult, run: Run, lab: LabSpec | None) -> Place:
    titles = {condition.key: str(condition.title) for condition in lab.conditions} if lab else {}
    title = f"{titles.get(result.condition, result.condition)}: {result.get_verdict_display()}"
    at = seconds_into(run, result.created_at)
    return Place(at, result.verdict, title, spoken(result.reason), _address(result.run, run))


def seconds_into(run: Run, moment: datetime) -> float:
    return round(max(0.0, (moment - run.created_at).total_seconds()), 2)


def _address(failed: Run, run: Run) -> str:
    return "" if failed == run else reverse("run", kwargs={"run_id": failed.pk})
