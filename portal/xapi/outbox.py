"""Statements are written down with the work they tell of, in one transaction, and sent by a task.

A store that is away gets them later, without end. What a store refuses for itself is given up after some
tries: the administration lists it and sends it again. An id belongs to a deed for ever, and a store that has
it already says so, so that none counts twice.
"""

import logging
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import post_save
from django.utils import timezone

from curriculum.models import Answer, Attempt, QuizAnswer
from curriculum.signals import attempt_passed
from k8s_tasks import sealing
from k8s_tasks.queue import ask_softly
from portal.lti.calls import CallFailed, fetch_json
from portal.models import HelpDeed, HelpLog, User
from portal.retries import pause_after
from portal.xapi import statements
from portal.xapi.models import RecordStore, Statement

logger = logging.getLogger(__name__)
TASK = "portal.tasks.send_statements"
PURPOSE = "xapi"
VERSION = "1.0.3"
LEASE = timedelta(seconds=60)  # while one worker sends a statement no other does
TASK_SECONDS = 8  # then the next task goes on
CONFLICT = 409  # the store has a statement of this id
REFUSED = (400, 413, 422)  # what a statement is, and not who sends it or when, displeases the store
MOST_REFUSALS = 10
HELP = {
    HelpDeed.RAISED: (statements.ASKED, statements.asked),
    HelpDeed.ANSWERED: (statements.RECEIVED, statements.received),
    HelpDeed.LENT: (statements.SHARED, statements.shared),
    HelpDeed.CLOSED: (statements.COMPLETED, statements.lowered),
}


def listen() -> None:
    post_save.connect(_attempt_begun, sender=Attempt, dispatch_uid="xapi-attempt")
    post_save.connect(_answer_given, sender=Answer, dispatch_uid="xapi-answer")
    post_save.connect(_quiz_answer_given, sender=QuizAnswer, dispatch_uid="xapi-quiz")
    post_save.connect(_help_noted, sender=HelpLog, dispatch_uid="xapi-help")
    attempt_passed.connect(_attempt_passed, dispatch_uid="xapi-passed")


def _attempt_begun(sender, instance, created, **_signal) -> None:
    if created:
        _tell(
            statements.ATTEMPTED,
            instance.pk,
            instance.student,
            lambda store: statements.attempted(store, instance),
        )


def _attempt_passed(sender, attempt, **_signal) -> None:
    _tell(statements.PASSED, attempt.pk, attempt.student, lambda store: statements.passed(store, attempt))


def _answer_given(sender, instance, created, **_signal) -> None:
    """Predictions only: other answers are part of a condition, and may change."""
    if created and instance.confidence is not None:
        person = instance.attempt.student
        _tell(
            statements.ANSWERED,
            f"prediction:{instance.pk}",
            person,
            lambda store: statements.predicted(store, instance),
        )


def _quiz_answer_given(sender, instance, created, **_signal) -> None:
    if not created:
        return
    attempt = instance.attempt
    person = attempt.student
    _tell(
        statements.ANSWERED,
        f"quiz:{instance.pk}",
        person,
        lambda store: statements.answered(store, instance),
    )
    if attempt.answers.count() >= attempt.total:
        _tell(
            statements.COMPLETED,
            attempt.pk,
            person,
            lambda store: statements.completed(store, attempt, instance),
        )


def _help_noted(sender, instance, created, **_signal) -> None:
    if created and instance.deed in HELP:
        verb, make = HELP[instance.deed]
        _tell(verb, f"help:{instance.pk}", instance.request.student, lambda store: make(store, instance))


def _tell(verb: str, key: object, person: User, make: Callable[[RecordStore], dict]) -> None:
    made = False
    for store in RecordStore.objects.filter(is_active=True):
        facts = {"store": store, "person": person, "next_at": timezone.now()}
        chosen = statements.id_of(store, verb, key)
        if not Statement.objects.filter(pk=chosen).exists():
            body = make(store) | {"id": str(chosen)}
            made = Statement.objects.get_or_create(pk=chosen, defaults=facts | {"body": body})[1] or made
    if made:
        transaction.on_commit(lambda: ask_softly(TASK))


def is_something_due() -> bool:
    return _due().exists()


def _due():
    return Statement.objects.filter(
        sent_at=None, next_at__lte=timezone.now(), store__is_active=True
    ).order_by("next_at")


def work_off() -> None:
    """Send for some seconds; asks for the next task when more is left."""
    until = time.monotonic() + TASK_SECONDS
    for statement in _due().select_related("store").iterator(chunk_size=50):
        if time.monotonic() > until:
            ask_softly(TASK)
            return
        deliver(statement)


def send_again(statements: QuerySet[Statement]) -> int:
    """Those not yet sent are due now; how many."""
    count = statements.filter(sent_at=None).update(tries=0, next_at=timezone.now())
    transaction.on_commit(lambda: ask_softly(TASK))
    return count


def deliver(statement: Statement) -> None:
    """Send one, unless another worker is at it."""
    mine = Statement.objects.filter(pk=statement.pk, sent_at=None)
    now = timezone.now()
    if not mine.filter(next_at=statement.next_at).update(next_at=now + LEASE):
        return
    tries = statement.tries + 1
    try:
        _put(statement)
    except (CallFailed, sealing.CannotUnseal) as failure:
        problem = str(failure) or "the secret was sealed with another SECRET_KEY: enter it again"
        logger.warning("statement %s was not sent (try %d): %s", statement.pk, tries, problem)
        is_over = getattr(failure, "status", None) in REFUSED and tries >= MOST_REFUSALS
        next_at = None if is_over else now + pause_after(tries)
        mine.update(tries=min(tries, 30_000), problem=problem[:300], next_at=next_at)
    else:
        mine.update(tries=tries, problem="", sent_at=timezone.now())


def _put(statement: Statement) -> None:
    store = statement.store
    try:
        fetch_json(
            "PUT",
            f"{store.endpoint.rstrip('/')}/statements",
            params={"statementId": str(statement.pk)},
            headers={"X-Experience-API-Version": VERSION},
            auth=(store.key, sealing.unseal(store.secret, PURPOSE)),
            json=statement.body,
        )
    except CallFailed as failure:
        if failure.status != CONFLICT:
            raise
