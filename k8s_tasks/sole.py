"""One worker at a time for work that may take longer than the broker waits before it gives it to another."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from redis.exceptions import RedisError

from k8s_tasks.loop import loop_redis, submit
from k8s_tasks.queue import enqueue
from k8s_tasks.redis_keys import redis_client, task_beat

BEAT_EVERY, BEAT_LASTS = 2, 8  # seconds
logger = logging.getLogger(__name__)


@contextlib.contextmanager
def sole_worker(task: str, id) -> Iterator[bool]:
    """Whether the task of this id is ours. Where somebody is at it, it is asked for again instead, for a time
    when the last beat of a dead one is over: the message that we were given is the last there is."""
    beat = task_beat(task, id)
    if not redis_client().set(beat, "1", nx=True, ex=BEAT_LASTS):
        enqueue(task, id, countdown=BEAT_LASTS)
        yield False
        return
    beating = submit(_keep(beat))
    try:
        yield True
    finally:
        beating.cancel()
        redis_client().delete(beat)


async def _keep(beat: str) -> None:
    while True:
        await asyncio.sleep(BEAT_EVERY)
        try:
            await loop_redis().set(beat, "1", ex=BEAT_LASTS)
        except RedisError as error:
            logger.warning("the heartbeat %s found no Redis: %s", beat, error)
