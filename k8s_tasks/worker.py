"""What a Celery worker does beside its tasks: it beats for its queues, so that others see it live."""

import asyncio
import logging

from celery.signals import worker_ready
from redis.exceptions import RedisError

from k8s_tasks.alive import sign_of_life
from k8s_tasks.following_course import follow_course
from k8s_tasks.loop import loop_redis, submit
from k8s_tasks.redis_keys import service_beat

logger = logging.getLogger(__name__)

BEAT_EVERY, BEAT_LASTS = 3, 10  # seconds


@worker_ready.connect
def begin_beating(sender, **_signal) -> None:
    for queue in sender.app.amqp.queues.consume_from:
        submit(_beat(queue))
        follow_course(f"worker {queue}")


async def _beat(service: str) -> None:
    while True:
        sign_of_life()
        try:
            await loop_redis().set(service_beat(service), "1", ex=BEAT_LASTS)
        except (RedisError, OSError) as error:
            logger.warning("the heartbeat of %s found no Redis: %s", service, error)
        await asyncio.sleep(BEAT_EVERY)
