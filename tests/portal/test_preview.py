"""An author's portal says what is to be mended; everybody else's knows nothing of it."""

import shutil

import pytest
from django.test import Client

from curriculum.course import CONTENT, get_course, live_course

CHAPTER = "/chapters/foundations/"


@pytest.fixture
def course(tmp_path, settings, monkeypatch):
    """The course in a folder of the author's own, on an author's portal."""
    course = tmp_path / "course"
    shutil.copytree(CONTENT / "01-foundations", course / "01-foundations")
    settings.OPTIONS = settings.OPTIONS | {"COURSE": course, "COURSE_RELOAD": True}
    live_course.cache_clear()
    monkeypatch.setattr(live_course(), "_looked_every", 0)
    yield course
    live_course.cache_clear()


def change(course, old: str, new: str) -> None:
    lab = course / "01-foundations/ping-and-netcat/lab.yaml"
    lab.write_text(lab.read_text().replace(old, new, 1))


def read(path: str) -> str:
    return Client(headers={"accept-language": "en"}).get(path).content.decode()


def test_a_page_says_what_the_linter_says_and_shows_the_course_as_it_was(course, db):
    assert "The linter finds no mistake" in read(CHAPTER)
    change(course, "minutes: 20", "minutes: 2")
    page = read(CHAPTER)
    assert "ping-and-netcat/lab.yaml" in page and "the least is 5" in page
    assert "you see it as it was before" in page


def test_the_stamp_changes_with_a_saved_file(course, db):
    before = Client().get("/preview/").json()
    assert f'data-stamp="{before["stamp"]}"' in read(CHAPTER)
    change(course, "minutes: 20", "minutes: 21")
    assert Client().get("/preview/").json() != before


def test_what_is_left_to_write_is_told_on_the_page_of_its_lab(course, world, visit, asked):
    prose = course / "01-foundations/ping-and-netcat/en.md"
    prose.write_text(prose.read_text().replace("## debrief\n", "## debrief\n\nTODO\n", 1))
    page = visit(world.bob).get("/labs/ping-and-netcat/").content.decode()
    assert "ping-and-netcat/en.md:" in page and ": TODO" in page
    assert ": TODO" not in read(CHAPTER)


def test_without_the_option_there_is_no_preview(db):
    assert "data-preview" not in read(CHAPTER)
    assert Client().get("/preview/").status_code == 404
    assert get_course() is get_course()
