"""Which addresses a platform may have: https, and plain http only on this very machine or while debugging."""

from urllib.parse import urlsplit

from django.conf import settings

LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def is_safe(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username or parts.password:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and (settings.DEBUG or host in LOOPBACK))


def is_of_this_machine(address: str) -> bool:
    """Whether only programs on the portal's own machine answer there."""
    return urlsplit(address).hostname in LOOPBACK


def origin_of(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"
