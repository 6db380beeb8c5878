"""A copy of the course that a test may break, and Ana, who learns."""

import shutil
from pathlib import Path

import pytest

from curriculum.course import CONTENT, get_course, load_course
from curriculum.problems import CourseError, Problem
from portal.models import User

LAB = "01-foundations/ping-and-netcat"


class Folder:
    """The first chapter in a folder of the test's own."""

    def __init__(self, root: Path):
        self.root = root
        shutil.copytree(CONTENT / "01-foundations", root / "01-foundations")

    def path(self, name: str) -> Path:
        return self.root / LAB / name

    def change(self, name: str, old: str, new: str) -> int:
        """Change the first `old` in a file of the lab; returns its line."""
        text = self.path(name).read_text()
        assert old in text
        self.path(name).write_text(text.replace(old, new, 1))
        return text[: text.index(old)].count("\n") + 1

    def problems(self) -> list[Problem]:
        try:
            load_course(self.root)
        except CourseError as error:
            return list(error.problems)
        return []

    def lab(self):
        """The lab as the folder has it now; raises CourseError."""
        return load_course(self.root).lab("ping-and-netcat")

    def only_problem(self) -> Problem:
        (problem,) = self.problems()
        return problem


@pytest.fixture
def folder(tmp_path) -> Folder:
    return Folder(tmp_path)


@pytest.fixture
def lab():
    return get_course().lab("ping-and-netcat")


@pytest.fixture
def ana(db):
    return User.objects.create_user("ana")


@pytest.fixture
def beto(db):
    return User.objects.create_user("beto")
