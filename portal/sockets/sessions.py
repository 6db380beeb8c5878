"""The notices of a lab session: its state, its runs, new verdicts, its pods."""

import json

from k8s_tasks.streams import follow_session
from portal import access
from portal.sockets.following import FollowingConsumer


class SessionConsumer(FollowingConsumer):
    begins_at = "$"  # a page that is opened shows how things stand: it needs what comes from now on

    def allowed(self, user):
        return access.visible_sessions(user)

    async def follow(self, last_id):
        async for notices in follow_session(self.subject_id, last_id):
            for notice in notices:
                await self.send(
                    text_data=json.dumps({"id": notice.id, "kind": notice.kind, "data": notice.data})
                )
