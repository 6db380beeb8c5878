"""Only our own pages may open a socket.

A browser sends the cookies of the portal with a WebSocket opened by any page of the web, and no
CSRF token with it. So the Origin must be the very host and port that is spoken to (or one of
CSRF_TRUSTED_ORIGINS), and that host must be one of ours (a name that some other domain points at
this machine is not).
"""

from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host


class SameOrigin:
    """ASGI middleware: refuses the handshake (403) of a foreign origin."""

    def __init__(self, inner):
        self.inner = inner

    async def __call__(self, scope, receive, send):
        headers = dict(scope["headers"])
        host, origin = (headers.get(name, b"").decode("latin-1") for name in (b"host", b"origin"))
        application = self.inner if is_ours(host=host, origin=origin) else WebsocketDenier()
        return await application(scope, receive, send)


def is_ours(*, host: str, origin: str) -> bool:
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    return is_known_host(host) and is_same_host(host, origin)


def is_known_host(host: str) -> bool:
    domain, _port = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def is_same_host(host: str, origin: str) -> bool:
    """Schemes are not compared beyond being the web's: behind a proxy ours is not the browser's."""
    parts = urlsplit(origin)
    return parts.scheme in ("http", "https") and parts.netloc.lower() == host.lower()
