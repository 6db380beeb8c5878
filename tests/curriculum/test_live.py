"""A course whose author is at work on it."""

import os

import pytest

from curriculum.course import load_course
from curriculum.live import LiveCourse
from curriculum.problems import CourseError


@pytest.fixture
def live(folder):
    return LiveCourse(folder.root, load_course, looked_every=0)


def minutes(live) -> int:
    return next(lab.minutes for lab in live.course().labs if lab.slug == "ping-and-netcat")


def test_a_saved_file_is_read_and_an_untouched_course_is_not_read_again(live, folder):
    before = live.course()
    assert live.course() is before
    folder.change("lab.yaml", "minutes: 20", "minutes: 25")
    assert minutes(live) == 25


def test_while_a_file_is_wrong_the_last_good_course_stays_and_the_mend_is_told(live, folder):
    before = live.course()
    folder.change("lab.yaml", "minutes: 20", "minutes: 2")
    assert live.course() is before
    assert [problem.key for problem in live.problems] == ["minutes"]

    folder.change("lab.yaml", "minutes: 2", "minutes: 30")
    assert (minutes(live), live.problems) == (30, ())


def test_a_course_that_was_wrong_from_the_start_says_so(live, folder):
    folder.change("lab.yaml", "minutes: 20", "minutes: 2")
    with pytest.raises(CourseError, match="the least is 5"):
        live.course()


def test_what_an_editor_leaves_beside_a_file_is_no_change(live, folder):
    live.course()
    before = live.stamp
    folder.path(".lab.yaml.swp").write_text("")
    os.symlink("nowhere", folder.path("lock"))
    folder.path("lab.yaml~").write_text("")
    live.course()
    assert live.stamp == before
