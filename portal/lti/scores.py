"""The outbox of grades: what a platform's gradebook is to hold, kept in rows until it holds it.

What may change a grade marks the courses of its class as stale, in the same transaction. A task then
reckons their grades, writes down those that differ from what was sent, and sends what is due. The watcher
asks for the task again while something is left, so that neither a dead broker nor a platform that is away
loses a grade.
"""

import logging
import time
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.db.models.signals import post_delete, post_save
from django.utils import timezone

from curriculum.models import ConditionPass, HintOpening
from k8s_tasks.queue import ask_softly
from portal.gradebook import title_of
from portal.grading import Grade, grades_of
from portal.lti.calls import CallFailed
from portal.lti.models import LtiContext, LtiMember, LtiRole, LtiScore, ScoreState
from portal.lti.services import SCORE, line_item_of, send_score
from portal.models import Assignment, GradingRules, Override
from portal.retries import pause_after

logger = logging.getLogger(__name__)
TASK = "portal.tasks.send_scores"
MOST_TRIES = 14
LEASE = timedelta(seconds=60)  # while one worker sends a grade no other does
TASK_SECONDS = 8  # then the next task goes on


def listen() -> None:
    for model in (ConditionPass, HintOpening, Override, Assignment, GradingRules):
        post_save.connect(_changed, sender=model, dispatch_uid=f"lti-{model.__name__}")
    for model in (Override, GradingRules):
        post_delete.connect(_changed, sender=model, dispatch_uid=f"lti-gone-{model.__name__}")


def _changed(sender, instance, **_signal) -> None:
    if LtiContext.objects.filter(_courses_of(instance)).update(is_stale=True):
        transaction.on_commit(lambda: ask_softly(TASK))


def _courses_of(changed) -> Q:
    if isinstance(changed, Assignment | GradingRules):
        return Q(classroom=changed.classroom_id)
    if isinstance(changed, Override):
        return Q(classroom__assignments=changed.assignment_id)
    attempt = changed.attempt
    assigned = Assignment.objects.filter(lab=attempt.lab.slug, classroom__students=attempt.student_id)
    return Q(classroom__in=assigned.values("classroom"))


def is_something_due() -> bool:
    return _stale().exists() or _due(timezone.now()).exists()


def work_off() -> None:
    """Reckon and send for some seconds; asks for the next task when more is left."""
    until = time.monotonic() + TASK_SECONDS
    for context in _stale():
        _reckon_or_say_why(context)
    for score in _due(timezone.now()).select_related("context__platform", "assignment", "identity"):
        if time.monotonic() > until:
            ask_softly(TASK)
            return
        deliver(score)


def _stale():
    return LtiContext.objects.filter(is_stale=True, classroom__isnull=False, platform__is_active=True)


def _due(now: datetime):
    due = LtiScore.objects.filter(
        state=ScoreState.WAITING, next_at__lte=now, context__platform__is_active=True
    )
    return due.order_by("next_at")


def _reckon_or_say_why(context: LtiContext) -> None:
    """One course that breaks stays stale and holds up no other."""
    try:
        reckon(context)
    except Exception:
        logger.exception("the grades of course %s could not be reckoned", context.pk)


@transaction.atomic
def reckon(context: LtiContext) -> None:
    """Write down every grade that is another than the platform was told. What was not begun is no grade.
    All or nothing: the course of a worker that dies here is still stale."""
    LtiContext.objects.filter(pk=context.pk).update(is_stale=False)  # first: what changes now counts again
    if not context.line_items_url or SCORE not in context.scopes:
        return
    identities = {
        member.identity.user_id: member.identity
        for member in LtiMember.objects.filter(
            context=context, role=LtiRole.LEARNER, identity__user__classrooms=context.classroom
        ).select_related("identity__user")
    }
    students = [identity.user for identity in identities.values()]
    known = {(each.assignment_id, each.identity_id): each for each in context.scores.all()}
    assigned = list(context.classroom.assignments.all())
    for student, grades in grades_of(context.classroom, students, assigned).items():
        for grade in grades:
            if grade.work or grade.override:
                identity = identities[student]
                _write_down(context, identity, grade, known.get((grade.assignment.pk, identity.pk)))


def _write_down(context: LtiContext, identity, grade: Grade, known: LtiScore | None) -> None:
    is_whole = bool(grade.work and len(grade.work.proven) >= grade.work.total > 0)
    wanted = {"points": grade.points, "most": grade.assignment.points, "is_whole": is_whole}
    if known and all(getattr(known, name) == value for name, value in wanted.items()):
        return
    now = timezone.now()
    fresh = {"state": ScoreState.WAITING, "tries": 0, "problem": "", "changed_at": now, "next_at": now}
    LtiScore.objects.update_or_create(
        context=context, assignment=grade.assignment, identity=identity, defaults=wanted | fresh
    )


def deliver(score: LtiScore) -> None:
    """Send one grade, unless another worker is at it. What changes meanwhile stays waiting."""
    now = timezone.now()
    mine = LtiScore.objects.filter(pk=score.pk, state=ScoreState.WAITING, changed_at=score.changed_at)
    if not mine.filter(next_at=score.next_at).update(next_at=now + LEASE):
        return
    try:
        item = line_item_of(score.context, score.assignment, title_of(score.assignment))
        try:
            send_score(score, item)
        except CallFailed as failure:
            if failure.status == 404:
                item.delete()  # the column was deleted there; the next try finds or makes another
            raise
    except CallFailed as failure:
        _put_off(mine, score, str(failure), now)
    else:
        mine.update(state=ScoreState.SENT, sent_at=timezone.now(), problem="", tries=score.tries + 1)


def _put_off(mine, score: LtiScore, problem: str, now: datetime) -> None:
    tries = score.tries + 1
    logger.warning("grade %s was not sent (try %d): %s", score.pk, tries, problem)
    mine.update(
        tries=tries,
        problem=problem[:300],
        next_at=now + pause_after(tries),
        state=ScoreState.FAILED if tries >= MOST_TRIES else ScoreState.WAITING,
    )


def send_again(context: LtiContext) -> None:
    """Everything, now: for a platform that has lost grades, or is reachable again."""
    now = timezone.now()
    fresh = {"state": ScoreState.WAITING, "tries": 0, "problem": "", "changed_at": now, "next_at": now}
    context.scores.update(**fresh)
    LtiContext.objects.filter(pk=context.pk).update(is_stale=True)
    transaction.on_commit(lambda: ask_softly(TASK))
