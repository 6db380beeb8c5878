"""What pages follow: the output of runs and the notices of sessions.

A writer appends to a Redis Stream; ids only grow. A page that comes back with the last id it has
seen misses nothing and sees nothing twice. `k8s_tasks.hub` shares the reading.
"""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from k8s_tasks.entries import Entry, Raw, as_entry
from k8s_tasks.hub import Hub, StreamLost, current_hub
from k8s_tasks.redis_keys import redis_client, run_output, session_events, work_events
from k8s_tasks.transcripts import replay_entries

__all__ = [
    "Entry",
    "Notice",
    "StreamLost",
    "follow_run",
    "follow_session",
    "follow_work",
    "publish_notice",
]

NOTICES_KEPT = 500
NOTICE_SECONDS = 24 * 3600
WORK_KEPT = 5000
WORK_KINDS = ("session", "run", "verdicts", "help")  # what a class's page shows; drawings of pods it does not


@dataclass(frozen=True)
class Notice:
    id: str
    kind: str
    data: dict


async def follow_run(run_id, last_id: str = "0") -> AsyncIterator[list[Entry]]:
    """Entries after `last_id`, live, up to and with the `end` entry. Raises StreamLost.

    A run whose stream has expired is replayed from its transcript, whole.
    """
    hub = current_hub()
    if entries := await _replay_expired(hub, run_id):
        yield entries
        return
    async with aclosing(hub.follow(run_output(run_id), last_id)) as pages:
        async for page in pages:
            entries = [as_entry(raw) for raw in page]
            yield entries
            if any(entry.is_end for entry in entries):
                return


async def _replay_expired(hub: Hub, run_id) -> list[Entry]:
    """A run whose stream has expired, whole; nothing of one that has its stream, or goes on."""
    if await hub.holds(run_output(run_id)):
        return []
    entries = await replay_entries(run_id)
    # A run that began and ended while we asked has its stream by now, and no transcript yet.
    return [] if await hub.holds(run_output(run_id)) else entries


async def follow_session(session_id, last_id: str = "$") -> AsyncIterator[list[Notice]]:
    """Notices after `last_id` ("$": from now on), for as long as one listens. Raises StreamLost."""
    async with aclosing(current_hub().follow(session_events(session_id), last_id)) as pages:
        async for page in pages:
            yield [_as_notice(raw) for raw in page]


async def follow_work(last_id: str = "$") -> AsyncIterator[tuple[str, set[str]]]:
    """(last id, sessions in which something happened) after `last_id`. Raises StreamLost."""
    async with aclosing(current_hub().follow(work_events(), last_id)) as pages:
        async for page in pages:
            yield page[-1][0], {fields[b"session"].decode() for _id, fields in page}


def publish_notice(session_id, kind: str, data: dict) -> None:
    """To the pages of one session, and that something happened there to those who follow classes."""
    key = session_events(session_id)
    with redis_client().pipeline(transaction=False) as pipe:
        if kind in WORK_KINDS:
            happened = {"session": str(session_id), "kind": kind}
            pipe.xadd(work_events(), happened, maxlen=WORK_KEPT, approximate=True)
        pipe.xadd(key, {"kind": kind, "data": json.dumps(data)}, maxlen=NOTICES_KEPT, approximate=True)
        pipe.expire(key, NOTICE_SECONDS)
        pipe.execute()


def _as_notice(raw: Raw) -> Notice:
    id, fields = raw
    return Notice(id, fields[b"kind"].decode(), json.loads(fields[b"data"]))
