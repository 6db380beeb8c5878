"""Every WebSocket door of the portal, in one list."""

from channels.auth import AuthMiddlewareStack
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.urls import path, re_path

from portal.sockets.classes import ClassConsumer
from portal.sockets.following import NOT_FOUND
from portal.sockets.origin import SameOrigin
from portal.sockets.runs import RunConsumer
from portal.sockets.sessions import SessionConsumer
from portal.sockets.terminals import TerminalConsumer
from portal.sockets.watching import WatchConsumer


class NowhereConsumer(AsyncWebsocketConsumer):
    """An address that is none of ours, closed as one that is somebody else's would be."""

    async def connect(self):
        await self.accept()
        await self.close(NOT_FOUND)


socket_urls = [
    path("ws/runs/<uuid:subject>/", RunConsumer.as_asgi(), name="run-socket"),
    path("ws/terminals/<uuid:subject>/", TerminalConsumer.as_asgi(), name="terminal-socket"),
    path("ws/watched/<uuid:subject>/", WatchConsumer.as_asgi(), name="watch-socket"),
    path("ws/classes/<int:subject>/", ClassConsumer.as_asgi(), name="class-socket"),
    path("ws/sessions/<uuid:subject>/", SessionConsumer.as_asgi(), name="session-socket"),
]
nowhere = re_path(r"", NowhereConsumer.as_asgi())

sockets = SameOrigin(AuthMiddlewareStack(URLRouter([*socket_urls, nowhere])))
