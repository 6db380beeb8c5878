"""The output of a run, to all who may see it: JSON lists of entries, their bytes in base64."""

import base64
import json
from collections.abc import Iterable, Iterator

from k8s_tasks.streams import Entry, follow_run
from portal import access
from portal.sockets.following import FollowingConsumer

# A replay comes as one long list; messages stay small enough for a page to paint between two.
MESSAGE_BYTES = 128 * 1024


class RunConsumer(FollowingConsumer):
    def allowed(self, user):
        return access.visible_runs(user)

    async def follow(self, last_id):
        async for entries in follow_run(self.subject_id, last_id):
            for portion in in_portions(entries):
                await self.send(text_data=json.dumps([as_json(entry) for entry in portion]))


def in_portions(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    portion, size = [], 0
    for entry in entries:
        if portion and size + len(entry.data) > MESSAGE_BYTES:
            yield portion
            portion, size = [], 0
        portion.append(entry)
        size += len(entry.data)
    if portion:
        yield portion


def as_json(entry: Entry) -> dict:
    return {
        "id": entry.id,
        "ms": entry.ms,
        "src": entry.source,
        "data": base64.b64encode(entry.data).decode(),
    }
