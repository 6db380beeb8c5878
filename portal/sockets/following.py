"""What all sockets share: they are let in, follow one stream, and end with it.

The life of a socket:
  opened    accepted at once, so that a refusal can carry a code the page can read
  refused   closed 4404: what is not yours does not exist; 4429: too many are open already
  following one task forwards what the stream brings; sending waits for the browser to take it, so
            a slow one is behind in Redis, not in our memory
  ended     the stream is over: closed 1000
  broken    the reader died: closed 1011, so that the page comes back with its last id
  stale     its person logged out or lost sight of it: closed 4001. The page comes back and is let in
            or refused by what holds now (a new password makes a new login, and must not end a lab)
"""

import asyncio
import contextlib
import logging
import re

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db.models import QuerySet

from portal.sockets.presence import presence

ENDED = 1000
STALE = 4001
NOT_FOUND = 4404
TOO_MANY = 4429
BAD_MESSAGE = 4400
BROKEN = 1011
STREAM_ID = re.compile(r"\d{1,20}(-\d{1,20})?")

logger = logging.getLogger(__name__)


class BadMessage(ValueError):
    """The browser sent what no page of ours sends."""


class FollowingConsumer(AsyncWebsocketConsumer):
    """A subclass says which objects are open to the user (`allowed`) and how to `follow` one."""

    following: asyncio.Task | None = None
    begins_at = "0"  # without a last id, or with an odd one: from the first entry

    async def connect(self):
        await self.accept()
        self.subject_id = self.scope["url_route"]["kwargs"]["subject"]
        if not await self.is_allowed():
            await self.close(NOT_FOUND)
            return
        if not presence.enter(self):
            await self.close(TOO_MANY)
            return
        self.following = asyncio.create_task(self._follow(), name=f"{type(self).__name__} {self.subject_id}")
        self.following.add_done_callback(lambda _task: presence.leave(self))

    async def disconnect(self, code):
        if self.following:
            self.following.cancel()

    async def turn_out(self):
        """Nothing more is sent or taken from here on."""
        if self.following is None:
            return  # somebody else has
        self.following.cancel()
        self.following = None
        with contextlib.suppress(OSError, RuntimeError):
            await self.close(STALE)

    def allowed(self, user) -> QuerySet:
        raise NotImplementedError

    async def follow(self, last_id: str) -> None:
        raise NotImplementedError

    @database_sync_to_async
    def is_allowed(self) -> bool:
        user = self.scope["user"]
        return user.is_authenticated and self.allowed(user).filter(pk=self.subject_id).exists()

    async def _follow(self):
        try:
            await self.follow(self.last_id())
        except Exception as error:  # noqa: BLE001 - whatever died, the socket must not just go quiet
            await self._break(error)
        else:
            await self.close(ENDED)

    async def _break(self, error: Exception):
        """A browser that left in the middle of a message (OSError) is no news; anything else is."""
        if not isinstance(error, OSError):
            logger.error("the stream of %s broke", self.scope["path"], exc_info=error)
        with contextlib.suppress(OSError, RuntimeError):
            await self.close(BROKEN)

    def last_id(self) -> str:
        """The id after which the browser wants to go on."""
        query = self.scope["query_string"].decode("latin-1")
        found = re.search(r"(?:^|&)last=([^&]*)", query)
        return found[1] if found and STREAM_ID.fullmatch(found[1]) else self.begins_at
