"""What moves in a class: the cells of its live page, as they change."""

import asyncio
import json

from channels.db import database_sync_to_async
from django.template.loader import render_to_string
from django.utils import translation

from k8s_tasks.models import LabSession
from k8s_tasks.streams import follow_work
from portal import access
from portal.language import language_of_socket
from portal.models import Classroom
from portal.overview import cells_of, labs_of
from portal.sockets.following import FollowingConsumer

GATHER = 0.25  # seconds: what a lab does comes in bursts, and a cell is drawn once for all of it


class ClassConsumer(FollowingConsumer):
    begins_at = "$"  # a page that is opened shows how things stand

    def allowed(self, user):
        return access.taught_classrooms(user)

    async def follow(self, last_id):
        """Each message: {"id", "first", "cells": {element id: its HTML}}: the ids of the newest and of the
        oldest thing that it tells of."""
        waiting: dict[str, set[str]] = {}
        drawing: asyncio.Task | None = None
        try:
            async for id, sessions in follow_work(last_id):
                waiting.setdefault("sessions", set()).update(sessions)
                waiting.setdefault("first", id)
                waiting["id"] = id
                if drawing is None or drawing.done():
                    if drawing:
                        drawing.result()
                    drawing = asyncio.create_task(self._draw(waiting))
        finally:
            if drawing:
                drawing.cancel()

    async def _draw(self, waiting: dict) -> None:
        while waiting.get("sessions"):
            await asyncio.sleep(GATHER)
            sessions, waiting["sessions"] = waiting["sessions"], set()
            told = {"id": waiting["id"], "first": waiting.pop("first")}
            cells = await self._cells(sessions)
            if cells is not None:
                await self.send(text_data=json.dumps({**told, "cells": cells}))

    @database_sync_to_async
    def _cells(self, sessions: set[str]) -> dict[str, str] | None:
        """Drawn anew: those of the class's students at the labs of these sessions. None where nothing of the
        class has moved; a lab that is not assigned has no cell, but hands are raised in it too."""
        classroom = Classroom.objects.get(pk=self.subject_id)
        touched = LabSession.objects.filter(
            pk__in=sessions, attempt__student__classrooms=classroom
        ).select_related("attempt__student", "attempt__lab")
        students = {each.attempt.student_id: each.attempt.student for each in touched}
        places = {(each.attempt.student_id, each.attempt.lab.slug) for each in touched}
        if not places:
            return None
        labs = {slug for _student, slug in places}
        with translation.override(language_of_socket(self.scope)):
            found = cells_of(students.values(), labs_of(classroom), labs)
            return {
                cell.key: render_to_string("parts/live_cell.html", {"cell": cell, "classroom": classroom})
                for cells in found.values()
                for cell in cells
                if (cell.student, cell.lab.slug) in places
            }
