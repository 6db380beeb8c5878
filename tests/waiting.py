"""Waiting for what another process does and tells nobody: a file that appears, a process that is gone."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")


def until(is_so: Callable[[], Found], seconds: float = 40) -> Found:
    """What it answers as soon as that is true; an AssertionError when it never is."""
    deadline = time.monotonic() + seconds
    while not (found := is_so()):
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s"
        time.sleep(0.05)
    return found
