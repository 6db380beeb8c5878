"""A process goes on with a course that was reloaded, and never with a wrong one."""

import json
import subprocess
import sys

import pytest

from curriculum.course import get_course, load_course, shelf
from curriculum.findings import findings_of
from curriculum.held import Held, Shelf
from curriculum.problems import CourseError


@pytest.fixture
def course(folder, settings):
    settings.OPTIONS = settings.OPTIONS | {"COURSE": folder.root}
    get_course.cache_clear()
    yield folder
    get_course.cache_clear()


def minutes() -> int:
    return get_course().lab("ping-and-netcat").minutes


def test_a_changed_file_counts_once_the_course_is_taken_up(course):
    before = shelf.held()
    course.change("lab.yaml", "minutes: 20", "minutes: 25")
    assert (minutes(), shelf.held()) == (20, before)

    held = shelf.take_up()

    assert minutes() == 25
    assert held.version != before.version


def test_a_course_with_a_mistake_is_not_taken_up(course):
    before = shelf.held()
    course.change("lab.yaml", "minutes: 20", "minutes: 2")

    with pytest.raises(CourseError):
        shelf.take_up()

    assert shelf.held() is before


def test_it_is_read_once(folder):
    read = []
    held = Held(load_course(folder.root), "one")
    shelf = Shelf(lambda: read.append(1) or held)

    assert shelf.held() is shelf.held() is held
    assert read == [1]


def test_the_linter_tells_file_line_key_and_mend(folder):
    line = folder.change("lab.yaml", "minutes: 20", "minutes: 2")

    (problem,) = findings_of(folder.root)["problems"]

    assert (problem["file"], problem["line"], problem["key"]) == (
        "01-foundations/ping-and-netcat/lab.yaml",
        line,
        "minutes",
    )
    assert "the least is 5" in problem["mend"]


def test_what_is_left_to_write_is_a_problem_and_an_old_recording_a_warning(folder):
    folder.change("en.md", "## debrief\n", "## debrief\n\nTODO\n")
    folder.change("solution.yaml", "\n", "\n# another\n")

    found = findings_of(folder.root)

    assert [each["mend"] for each in found["problems"]] == ["TODO is left here"]
    assert any("01-foundations/ping-and-netcat/" in each and "older" in each for each in found["warnings"])


def test_the_linter_speaks_json_to_other_processes(folder):
    command = [sys.executable, "-m", "curriculum", str(folder.root), "--findings"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert told == findings_of(folder.root)
