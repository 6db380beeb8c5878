"""The names of everything kept in Redis, and the one way to reach it."""

import functools
from typing import Any

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

# redis-py 8 gives up on a quiet socket after 5 s and allows 100 connections; a stream may be
# quiet for minutes, and a worker holds a connection per running command.
_CONNECTION: dict[str, Any] = {"socket_timeout": None, "max_connections": 2000}
# A Redis that its supervisor restarts is back within seconds; running commands wait that long.
_PATIENCE = ExponentialBackoff(cap=0.5, base=0.05)


@functools.cache
def redis_client() -> redis.Redis:
    """One pooled, thread-safe client for synchronous code."""
    return redis.Redis.from_url(settings.REDIS_URL, **_CONNECTION)


def make_async_redis() -> redis.asyncio.Redis:
    """A client for the running event loop; its owner closes it."""
    return redis.asyncio.Redis.from_url(settings.REDIS_URL, retry=Retry(_PATIENCE, 12), **_CONNECTION)


def run_output(run_id) -> str:
    """Stream: fields `ms` (since start), `src` (stdout, stderr, event, end) and `data` (bytes)."""
    return f"run:{run_id}:out"


def run_input(run_id) -> str:
    """Stream: fields `kind` (data, eof, resize, ack, cancel, withdraw) and `data`; keys that are not the
    student's own have a `grant` too."""
    return f"run:{run_id}:in"


def run_beat(run_id) -> str:
    """Expires when the worker that drives the run is dead."""
    return f"run:{run_id}:beat"


def task_beat(task: str, id) -> str:
    """Expires when the worker that is at this task is dead."""
    return f"task:{task}:{id}:beat"


def run_cancel(run_id) -> str:
    """Set to the reason when somebody asks for the run to end."""
    return f"run:{run_id}:cancel"


def session_events(session_id) -> str:
    """Stream of small notices for the open pages of one session: fields `kind`, `data` (JSON)."""
    return f"session:{session_id}:events"


def work_events() -> str:
    """Stream of what happens in all sessions, for those who follow a class: fields `session` and `kind`."""
    return "work:events"


def preflight_asked(cluster_id) -> str:
    """Set while a preflight of the cluster is on its way."""
    return f"cluster:{cluster_id}:preflight"


def recheck_asked(session_id) -> str:
    """Set while a check of the session's conditions is on its way."""
    return f"session:{session_id}:recheck"


def course_wanted() -> str:
    """The version of the course that an administrator has reloaded: every process takes it up."""
    return "course:wanted"


def course_held() -> str:
    """Hash: by process, JSON of the version it holds, when it said so, and what went wrong."""
    return "course:held"


def course_findings(version: str) -> str:
    """What the linter says of the files of this version, as JSON."""
    return f"course:{version}:findings"


def service_beat(service: str) -> str:
    """Expires when the service (streams, verify, watcher) is dead."""
    return f"service:{service}:beat"
