"""`manage.py runserver`: as Django's, with uvicorn in its place, because a lab page needs WebSockets."""

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from portal.options import PROJECT

RELOAD = {
    "reload": True,
    "reload_dirs": [str(PROJECT / name) for name in ("portal", "k8s_tasks", "curriculum", "templates")],
    "reload_includes": ["*.py", "*.html", "*.yaml", "*.md", "*.svg"],
}


class Command(BaseCommand):
    help = "Serves the portal for development, with WebSockets, and starts again when a file changes."

    def add_arguments(self, parser):
        parser.add_argument("addrport", nargs="?", default="", help="port, or address:port")
        parser.add_argument("--noreload", action="store_true", help="do not watch the files")

    def handle(self, addrport, noreload, **options):
        host, port = read_address(addrport)
        uvicorn.run("portal.asgi:application", host=host, port=port, **({} if noreload else RELOAD))


def read_address(text: str) -> tuple[str, int]:
    """`8001`, `0.0.0.0:8001`, `[::1]:8001`; what is left out is as HOST and PORT say."""
    host, _, port = text.rpartition(":")
    port = port or str(settings.OPTIONS["PORT"])
    if not port.isdecimal() or int(port) > 65535:
        raise CommandError(f"{text!r} is no port and no address:port")
    return host.strip("[]") or settings.OPTIONS["HOST"], int(port)
