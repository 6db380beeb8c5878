"""What waits in the database to be sent elsewhere, and who asks for it to be sent."""

from k8s_tasks.queue import ask_softly
from portal.lti import scores
from portal.xapi import outbox as statements


def listen() -> None:
    """Hear of what is to be sent, from now on."""
    scores.listen()
    statements.listen()


def ask_for_what_is_due() -> None:
    """The watcher's chore: what a broker or a receiver was too ill for is tried again."""
    if scores.is_something_due():
        ask_softly(scores.TASK)
    if statements.is_something_due():
        ask_softly(statements.TASK)
