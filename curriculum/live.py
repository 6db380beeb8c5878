"""A course whose author is at work on it: read again when a file has changed.

While the files are wrong the last good course stays, and `problems` tells what to mend. Looking costs one
`stat` for each file, at most twice a second.
"""

import hashlib
import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

from curriculum.problems import CourseError, Problem
from curriculum.specs import Course

LOOKED_EVERY = 0.5  # seconds


class LiveCourse:
    def __init__(self, root: Path, load: Callable[[Path], Course], *, looked_every: float = LOOKED_EVERY):
        self._root = root
        self._load = load
        self._looked_every = looked_every
        self._looked_at = float("-inf")
        self._lock = threading.Lock()
        self._course: Course | None = None
        self.problems: tuple[Problem, ...] = ()
        self.stamp = ""

    def course(self) -> Course:
        """The newest course without a mistake; raises CourseError when there has been none yet."""
        with self._lock:
            if time.monotonic() - self._looked_at >= self._looked_every:
                self._look()
                self._looked_at = time.monotonic()
        if self._course is None:
            raise CourseError(self.problems)
        return self._course

    def _look(self) -> None:
        stamp = stamp_of(self._root)
        if stamp == self.stamp:
            return
        self.stamp = stamp
        try:
            self._course, self.problems = self._load(self._root), ()
        except CourseError as error:
            self.problems = error.problems


def stamp_of(root: Path) -> str:
    """Another text whenever a file below has come, gone or changed. An editor's own files do not count."""
    digest = hashlib.sha256()
    for file in sorted(root.rglob("[!.]*")):
        try:
            found = file.stat()
        except FileNotFoundError:  # between the listing and this: an editor swaps files
            continue
        if not stat.S_ISDIR(found.st_mode) and not file.name.endswith("~"):
            digest.update(f"{file.relative_to(root)}\0{found.st_mtime_ns}\0{found.st_size}\0".encode())
    return digest.hexdigest()
