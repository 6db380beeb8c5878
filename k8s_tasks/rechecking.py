"""Conditions re-check themselves: when a step's command ends, an answer is given, or an object of the
session changes on the cluster.

Whoever notices a change asks for a check (`domain.rechecks`), which comes a moment later. It judges
what is not proven yet and sends few packets. What it finds is told only when it is news: a new proof,
or a new reason for what the student has had verified before. It is never louder than that, and leaves
no run behind when there is nothing to tell.
"""

from datetime import datetime

from django.utils import timezone

from curriculum.course import get_course
from curriculum.enums import Verdict
from k8s_tasks import queries
from k8s_tasks.checks.finding import Finding
from k8s_tasks.domain.rechecks import ask_recheck
from k8s_tasks.domain.runs import set_run_state
from k8s_tasks.enums import OPEN_RUN_STATES, USABLE_SESSION_STATES, RunKind, RunState
from k8s_tasks.models import LabSession, Run
from k8s_tasks.redis_keys import recheck_asked, redis_client
from k8s_tasks.speech import speaking_to
from k8s_tasks.streams import publish_notice
from k8s_tasks.verifying import find, keep, open_conditions


def recheck(session_id: str) -> None:
    """Judge the automatic conditions that are open, and tell what is new."""
    # First, so that a change that comes while we look causes another check.
    redis_client().delete(recheck_asked(session_id))
    session = LabSession.objects.select_related("cluster", "attempt__lab", "attempt__student").get(
        pk=session_id
    )
    lab = _lab_of(session)
    if lab is None or session.state not in USABLE_SESSION_STATES:
        return
    if _is_being_verified(session):
        return ask_recheck(session_id)  # it may have looked before the change
    automatic = [each for each in open_conditions(session, lab) if each.is_automatic]
    if not automatic:
        return
    began = timezone.now()
    news = _news(session, find(session, lab, automatic), since=began)
    if news:
        _tell(session, news)


def _lab_of(session: LabSession):
    try:
        return get_course().lab(session.attempt.lab.slug)
    except KeyError:
        return None


def _is_being_verified(session: LabSession) -> bool:
    return session.runs.filter(kind=RunKind.VERIFY, state__in=OPEN_RUN_STATES).exists()


def _news(session: LabSession, findings: dict[str, Finding], *, since: datetime) -> dict[str, Finding]:
    """What was not told before. A failure is none when a verification has judged since we began to look:
    it knows more than we do; nor when another check has proven it."""
    before = queries.latest_results(session.attempt)
    proven = set(session.attempt.passes.values_list("condition", flat=True))
    return {
        key: finding
        for key, finding in findings.items()
        if finding.verdict == Verdict.PASS
        or (
            key in before
            and key not in proven
            and before[key].created_at < since
            and _is_new(before[key], finding)
        )
    }


def _is_new(result, finding: Finding) -> bool:
    return (result.verdict, result.reason) != (finding.verdict, finding.reason)


def _tell(session: LabSession, news: dict[str, Finding]) -> None:
    with speaking_to(session.attempt.student):
        run = Run.objects.create(session=session, kind=RunKind.VERIFY, state=RunState.RUNNING)
        keep(run, news)
        set_run_state(run, RunState.SUCCEEDED)
    publish_notice(session.pk, "verdicts", {"run": str(run.pk)})
