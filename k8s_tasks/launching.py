"""Asks `deploy/local/netlabs.py` for netlabs of their own; it alone may start them."""

import json
import os
import socket
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from django.conf import settings

SOCKET = "netlabs.sock"
SECONDS = 40  # ending an old one is waited for


class NoLauncher(Exception):
    """Nobody here starts netlabs, or they do not answer; the text says why."""


def own_folder(slot: int) -> Path:
    return _folder() / str(slot)


def _folder() -> Path:
    return settings.STATE_DIR / "netlabs"


def has_launcher() -> bool:
    return (_folder() / SOCKET).exists()


def want_netlabs(wanted: Mapping[int, str]) -> dict[int, str]:
    """Have one netlab per slot for whom its word names, and no others; the state of each: starting, ready or
    ended. Raises NoLauncher."""
    question = json.dumps({str(slot): word for slot, word in wanted.items()}).encode() + b"\n"
    try:
        told = json.loads(_ask(question))
    except (OSError, ValueError) as error:
        raise NoLauncher(f"the starter of netlabs does not answer: {error}") from error
    if "error" in told:
        raise NoLauncher(told["error"])
    return {int(slot): state for slot, state in told["states"].items()}


def _ask(question: bytes) -> bytes:
    folder = os.open(_folder(), os.O_RDONLY | os.O_DIRECTORY)
    try:
        with closing(socket.socket(socket.AF_UNIX)) as connection:
            connection.settimeout(SECONDS)
            # Through the descriptor: the folder's own path may be too long for a socket.
            connection.connect(f"/proc/self/fd/{folder}/{SOCKET}")
            connection.sendall(question)
            return connection.makefile("rb").readline()
    finally:
        os.close(folder)
