"""The ASGI application: Django's pages over HTTP, the consumers of `portal.sockets` over WebSocket."""

import os
from contextlib import suppress

from django.core.asgi import get_asgi_application

from portal.tracing import begin_tracing

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
begin_tracing("web")  # before Django builds its chain of middleware
pages = get_asgi_application()

from channels.routing import ProtocolTypeRouter  # noqa: E402 - models load only after Django is set up

from curriculum.course import get_course  # noqa: E402
from curriculum.problems import CourseError  # noqa: E402
from k8s_tasks.following_course import follow_course  # noqa: E402
from portal.metrics import counted  # noqa: E402
from portal.sockets.routing import sockets  # noqa: E402

with suppress(CourseError):  # the pages tell what is wrong with it
    get_course()  # its files take seconds to read: now, and not while the first reader waits


async def lifespan(scope, receive, send):
    """A server's begin and end; tests, which make requests only, have neither."""
    while True:
        match (await receive())["type"]:
            case "lifespan.startup":
                follow_course("web")
                await send({"type": "lifespan.startup.complete"})
            case "lifespan.shutdown":
                await send({"type": "lifespan.shutdown.complete"})
                return


application = ProtocolTypeRouter({"http": pages, "websocket": counted(sockets), "lifespan": lifespan})
