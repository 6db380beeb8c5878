"""A course that is kept is the same course, and never an old, a damaged or somebody else's one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from curriculum import kept
from curriculum.course import CONTENT, load_course
from curriculum.kept import kept_course
from curriculum.problems import CourseError
from tests.curriculum.conftest import Folder


@pytest.fixture
def course(tmp_path) -> Folder:
    return Folder(tmp_path / "content")


@pytest.fixture
def folder(tmp_path) -> Path:
    return tmp_path / "kept"


class Loading:
    """load_course, with how often it was asked."""

    times = 0

    def __call__(self, root: Path):
        self.times += 1
        return load_course(root)


def kept_in(folder: Path) -> list[Path]:
    return list(folder.glob("*.pickle"))


def test_the_real_course_comes_back_as_it_was_read(folder):
    first = kept_course(CONTENT, load_course, folder=folder)
    again = kept_course(CONTENT, refuse, folder=folder)
    assert again == first
    assert again.lab("ping-and-netcat").steps == first.lab("ping-and-netcat").steps


def test_a_changed_file_is_read_anew(course, folder):
    load = Loading()
    kept_course(course.root, load, folder=folder)
    kept_course(course.root, load, folder=folder)
    assert load.times == 1
    course.change("en.md", "\n", "\n\n")
    kept_course(course.root, load, folder=folder)
    assert load.times == 2


def test_a_course_with_a_mistake_is_told_each_time(course, folder):
    course.change("lab.yaml", "\n", "\nnonsense: 1\n")
    for _ in range(2):
        with pytest.raises(CourseError, match="nonsense"):
            kept_course(course.root, load_course, folder=folder)
    assert kept_in(folder) == []


@pytest.mark.parametrize("damage", [b"", b"\x80\x05", b"no pickle at all"])
def test_a_damaged_one_is_made_anew(course, folder, damage):
    load = Loading()
    kept_course(course.root, load, folder=folder)
    kept_in(folder)[0].write_bytes(damage)
    for _ in range(2):
        kept_course(course.root, load, folder=folder)
    assert load.times == 2


def test_one_that_others_can_write_is_not_opened(course, folder):
    kept_course(course.root, load_course, folder=folder)
    kept_in(folder)[0].chmod(0o666)
    load = Loading()
    kept_course(course.root, load, folder=folder)
    assert load.times == 1


def test_where_nothing_can_be_kept_the_course_is_read(course, tmp_path):
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    assert kept_course(course.root, load_course, folder=nowhere) == load_course(course.root)


def test_the_oldest_are_thrown_away(course, folder):
    kept_course(course.root, load_course, folder=folder)
    (first,) = kept_in(folder)
    for age in range(1, kept.KEPT + 2):
        old = folder / f"{age}.pickle"
        old.write_bytes(b"")
        os.utime(old, (0, first.stat().st_mtime - age))
    course.change("en.md", "\n", "\n\n")
    kept_course(course.root, load_course, folder=folder)
    assert len(kept_in(folder)) == kept.KEPT
    assert first in kept_in(folder)


def test_it_is_read_without_the_portal_s_settings(tmp_path):
    """As set-up does, before there is a portal."""
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, "-m", "curriculum"], env=environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")


def refuse(root: Path):
    raise AssertionError("the course was read again")
