"""A student's terminal for those who watch it by the student's leave, and type in it by another.

To the browser: the binary frames of `terminals`, and whenever it may have changed the text {"mayType",
"typist", "isRefused"}. From the browser: binary `\\0` and keys. Each such frame is judged by the login and
the consent as they stand when it comes; one that is refused goes nowhere, and the page is told.
"""

import asyncio
import json

from channels.db import database_sync_to_async

from k8s_tasks import terminal_input
from k8s_tasks.models import Run
from k8s_tasks.streams import follow_run, follow_session
from portal import access
from portal.keyboard import end_what_ran_out, grant_for_keys, keyboard_told
from portal.sockets.following import BAD_MESSAGE, FollowingConsumer
from portal.sockets.presence import user_of
from portal.sockets.terminals import KEYS, frame

KEYS_BYTES = 4096  # of one frame: a paste comes in several, each of which is judged


class WatchConsumer(FollowingConsumer):
    leaving: asyncio.Task | None = None

    def allowed(self, user):
        return access.watched_terminals(user)

    async def follow(self, last_id):
        tasks = [asyncio.create_task(each) for each in (self._show(last_id), self._tell())]
        try:
            done, _waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()

    async def _show(self, last_id: str) -> None:
        async for entries in follow_run(self.subject_id, last_id):
            for entry in entries:
                await self.send(bytes_data=frame(entry))
        await database_sync_to_async(end_what_ran_out)()

    async def _tell(self) -> None:
        """From the first notice on: one that came while this socket opened is then not missed."""
        session_id = await self._session_id()
        await self._tell_keyboard()
        async for notices in follow_session(session_id, "0"):
            if any(notice.kind == "help" for notice in notices):
                if await self.is_allowed():
                    await self._tell_keyboard()
                else:
                    self.leaving = asyncio.create_task(self.turn_out())  # which ends this task too

    async def _tell_keyboard(self, *, is_refused: bool = False) -> None:
        told = await database_sync_to_async(self._keyboard)()
        await self.send(text_data=json.dumps(told | {"isRefused": is_refused}))

    async def receive(self, text_data=None, bytes_data=None):
        if self.following is None:
            return
        if not bytes_data or bytes_data[0] != KEYS or len(bytes_data) > KEYS_BYTES + 1:
            await self.close(BAD_MESSAGE)
        elif grant := await database_sync_to_async(self._grant)():
            await terminal_input.asend_keys(self.subject_id, bytes_data[1:], grant=grant)
        else:
            await self._tell_keyboard(is_refused=True)

    def _grant(self) -> str | None:
        """As of now: neither the login nor anything else of the time when this socket opened counts."""
        person = user_of(self.scope["session"].session_key)
        return grant_for_keys(person, self.subject_id) if person.is_authenticated else None

    def _keyboard(self) -> dict:
        return keyboard_told(self.scope["user"], self.subject_id)

    @database_sync_to_async
    def _session_id(self):
        return Run.objects.values_list("session_id", flat=True).get(pk=self.subject_id)
