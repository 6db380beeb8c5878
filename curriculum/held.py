"""The course as a process read it, and how it goes on with another one without being started again."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from curriculum.specs import Course


@dataclass(frozen=True)
class Held:
    """`version` is a hash of the files it was read from."""

    course: Course
    version: str


class Shelf:
    """Reads when it is asked first, and from then on only when it is told to."""

    def __init__(self, read: Callable[[], Held]):
        self._read = read
        self._held: Held | None = None
        self._lock = threading.Lock()  # the Markdown parser's caches break when two threads fill them at once

    def held(self) -> Held:
        """Raises CourseError when the files have been wrong from the start."""
        if self._held is not None:
            return self._held
        with self._lock:
            if self._held is None:
                self._held = self._read()
            return self._held

    def take_up(self) -> Held:
        """What the files say now. Raises CourseError when they are wrong: what was held then stays."""
        with self._lock:
            self._held = self._read()
            return self._held

    def forget(self) -> None:
        self._held = None
