"""The course is reloaded in every process of the portal, without one being started again.

Whoever reloads it writes the version to Redis; each process has a thread that looks there every few seconds
and reads the files again. Each also tells which version it holds, so that the panel can say who has not got
it (another machine whose files are older, say). Without Redis nothing is told, and everybody goes on with
what they hold.
"""

import json
import logging
import os
import socket
import threading
import time
from dataclasses import dataclass

from django.conf import settings
from django.db import transaction
from redis.exceptions import RedisError

from curriculum.course import shelf
from curriculum.domain import sync_labs
from curriculum.held import Held
from curriculum.problems import CourseError
from curriculum.search import index_course
from k8s_tasks.redis_keys import course_held, course_wanted, redis_client

logger = logging.getLogger(__name__)

LOOK_EVERY, TOLD_LASTS = 2, 15  # seconds


@dataclass(frozen=True)
class Holder:
    """A process and the course it holds; `problem` says why it could not take up another."""

    name: str
    version: str
    problem: str


def reload_course() -> Held:
    """This process reads the files, the database's labs and the search agree with them, and the other
    processes are told. Raises CourseError, and then nothing has changed."""
    held = shelf.take_up()
    with transaction.atomic():
        sync_labs(held.course)
        index_course(held.course)
    redis_client().set(course_wanted(), held.version)
    return held


def holders() -> list[Holder]:
    """The processes that were heard of in the last seconds. Raises RedisError."""
    told = {name.decode(): json.loads(text) for name, text in redis_client().hgetall(course_held()).items()}
    gone = [name for name, each in told.items() if each["at"] < time.time() - TOLD_LASTS]
    if gone:
        redis_client().hdel(course_held(), *gone)
    return [
        Holder(name, each["version"], each["problem"])
        for name, each in sorted(told.items())
        if name not in gone
    ]


def follow_course(service: str) -> None:
    """For the life of this process, in a thread. An author's portal needs none: it sees changes itself."""
    if not settings.OPTIONS["COURSE_RELOAD"]:
        threading.Thread(target=Follower(service).follow, name="course follower", daemon=True).start()


class Follower:
    def __init__(self, service: str):
        self._name = f"{service} {socket.gethostname()}:{os.getpid()}"
        self._seen = ""
        self._problem = ""

    def follow(self) -> None:
        while True:
            try:
                self.look()
            except (RedisError, OSError) as error:
                logger.debug("the course cannot be followed: %s", error)
            time.sleep(LOOK_EVERY)

    def look(self) -> None:
        """Take up what was reloaded, once; tell what is held. Raises RedisError."""
        wanted = (redis_client().get(course_wanted()) or b"").decode()
        if wanted not in (self._seen, self.version):
            self._take_up()
        self._seen = wanted
        told = {"version": self.version, "problem": self._problem, "at": time.time()}
        redis_client().hset(course_held(), self._name, json.dumps(told))

    def _take_up(self) -> None:
        try:
            held, self._problem = shelf.take_up(), ""
        except (CourseError, OSError) as error:
            logger.error("the course that was reloaded cannot be read: %s", error)
            self._problem = str(error).partition("\n")[0]
        else:
            logger.info("the course is now %s", held.version)

    @property
    def version(self) -> str:
        try:
            return shelf.held().version
        except CourseError:
            return ""
