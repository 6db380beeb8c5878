"""Asking for a check of a session's conditions: a key in Redis makes many askings one."""

import logging

from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from k8s_tasks.queue import enqueue
from k8s_tasks.redis_keys import recheck_asked, redis_client

logger = logging.getLogger(__name__)

DEBOUNCE_SECONDS = 0.7
ASKED_LASTS = 30  # a check that was lost with its worker is asked for again after this


def ask_recheck(session_id) -> None:
    """Once for many changes. What cannot be asked for now is made good by the next change, or by hand."""
    try:
        if redis_client().set(recheck_asked(session_id), "1", ex=ASKED_LASTS, nx=True):
            enqueue("recheck", session_id, countdown=DEBOUNCE_SECONDS)
    except (RedisError, OperationalError, OSError) as error:
        logger.warning("no check of session %s could be asked for: %s", session_id, error)
