"""Which workers answer, asked of themselves: a heartbeat says that some worker lives, not how many do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from celery import current_app

ANSWER_WITHIN = 1.0  # seconds; one that is slower is told as silent


@dataclass(frozen=True)
class Worker:
    name: str
    threads: int
    done: int
    up: timedelta


def workers() -> list[Worker]:
    """Those that answer; takes ANSWER_WITHIN. Ask only while Redis answers, or Celery tries to connect for
    long. Raises RedisError and kombu's OperationalError when it goes away meanwhile."""
    answers = current_app.control.inspect(timeout=ANSWER_WITHIN).stats() or {}
    return [_worker(name, told) for name, told in sorted(answers.items())]


def _worker(name: str, told: Mapping) -> Worker:
    return Worker(
        name=name,
        threads=told["pool"]["max-concurrency"],
        done=sum(told["total"].values()),
        up=timedelta(seconds=told["uptime"]),
    )
