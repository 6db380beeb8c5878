"""How often somebody may try a door: counted in Redis, for all web processes together."""

import logging
from contextlib import suppress

from redis.exceptions import RedisError

from k8s_tasks.redis_keys import redis_client

logger = logging.getLogger(__name__)


def is_too_often(door: str, who: str, *, times: int, seconds: int) -> bool:
    """Counts this try. Where no Redis answers nobody is held back: a door that is shut for everybody would
    be the greater harm."""
    key = f"tries:{door}:{who}"
    try:
        pipe = redis_client().pipeline(transaction=True)
        pipe.set(key, 0, ex=seconds, nx=True)
        pipe.incr(key)
        return pipe.execute()[1] > times
    except (RedisError, OSError) as error:
        logger.warning("tries of %s are not counted: %s", door, error)
        return False


def take_back(door: str, who: str) -> None:
    """A try that was no guess, for it succeeded, is not held against anybody."""
    key = f"tries:{door}:{who}"
    with suppress(RedisError, OSError):
        client = redis_client()
        # A count that has run out meanwhile is not begun anew: it would stay for ever.
        if client.exists(key):
            client.decr(key)


def address_of(request) -> str:
    """The peer's address; behind a proxy the proxy's own settings decide what uvicorn takes for it."""
    return request.META.get("REMOTE_ADDR", "")
