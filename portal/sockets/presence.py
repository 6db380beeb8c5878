"""Who has which sockets open in this process, and whether they still may.

A socket outlives the request that let it in: meanwhile its person may log out, be deactivated or
lose the class. So each person's sockets are asked about again every few seconds, all together:
two queries per login and one per kind of socket, however many are open.

Every web process counts and asks for itself.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from importlib import import_module
from types import SimpleNamespace

from channels.db import database_sync_to_async
from django.conf import settings
from django.contrib.auth import get_user

RECHECK_SECONDS = 5
SOCKETS_PER_PERSON = 40  # a lab page has about eight

logger = logging.getLogger(__name__)


class Presence:
    """The open sockets by person, each person with one task that asks again."""

    def __init__(self):
        self.sockets: dict[int, set] = defaultdict(set)
        self.watches: dict[int, asyncio.Task] = {}

    def enter(self, socket) -> bool:
        """False when its person has too many open already."""
        person = socket.scope["user"].pk
        if len(self.sockets[person]) >= SOCKETS_PER_PERSON:
            return False
        self.sockets[person].add(socket)
        if person not in self.watches:
            self.watches[person] = asyncio.create_task(self._watch(person), name=f"presence of {person}")
        return True

    def leave(self, socket) -> None:
        person = socket.scope["user"].pk
        self.sockets[person].discard(socket)
        if not self.sockets[person]:
            del self.sockets[person]

    async def _watch(self, person: int):
        """Lasts as long as the person has a socket open."""
        try:
            while person in self.sockets:
                await asyncio.sleep(RECHECK_SECONDS)
                for socket in await _find_barred(self.sockets.get(person, ())):
                    await socket.turn_out()
        finally:
            del self.watches[person]


presence = Presence()


async def _find_barred(sockets: Iterable) -> list:
    """A check that breaks (a busy database) bars nobody and is made again."""
    try:
        return await database_sync_to_async(_barred)(tuple(sockets))
    except Exception:
        logger.exception("open sockets could not be checked again")
        return []


def _barred(sockets: tuple) -> list:
    return [socket for group in _alike(sockets) for socket in _barred_of(*group)]


def _alike(sockets: Iterable) -> Iterator[tuple]:
    """(person as they are now, sockets of one login and kind); an ended login has no person."""
    logins = defaultdict(lambda: defaultdict(list))
    for socket in sockets:
        logins[socket.scope["session"].session_key][type(socket)].append(socket)
    for session_key, kinds in logins.items():
        user = user_of(session_key)
        yield from ((user, group) for group in kinds.values())


def user_of(session_key: str):
    """As a request with that cookie would find: nobody after a logout or a change of password."""
    store = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return get_user(SimpleNamespace(session=store))


def _barred_of(user, sockets: list) -> list:
    if not user.is_authenticated:
        return sockets
    subjects = [socket.subject_id for socket in sockets]
    seen = set(sockets[0].allowed(user).filter(pk__in=subjects).values_list("pk", flat=True))
    return [socket for socket in sockets if socket.subject_id not in seen]
