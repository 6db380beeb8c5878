"""What is wrong with the course's files, told so that an author can mend it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: where it is, what it is, and how to mend it."""

    file: Path
    line: int
    key: str
    mend: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}"
        return f"{place}: {self.key}: {self.mend}" if self.key else f"{place}: {self.mend}"


class CourseError(Exception):
    """The course cannot be loaded. `problems` holds every mistake found, not only the first."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
