"""A lab that was just begun can be played at once, and is not done before its TODOs are."""

import pytest
from django.core.management import CommandError, call_command

from curriculum.course import load_course

TITLES = {"number": "1.9", "title_pt": "Um laboratório", "title_en": "A lab"}


def begin(folder, chapter="01-foundations", slug="first-steps", **changes):
    call_command("labs", "new", chapter, slug, content=folder.root, **{**TITLES, **changes})


def test_a_new_lab_loads_at_once_and_has_mutants_to_play(folder):
    begin(folder)
    lab = load_course(folder.root).lab("first-steps")
    assert (lab.number, str(lab.title["en"]), len(lab.mutants)) == ("1.9", "A lab", 3)


def test_the_linter_names_what_is_still_to_be_written(folder):
    begin(folder)
    with pytest.raises(CommandError, match=r"TODO is left in:\n01-foundations/first-steps/en\.md:3"):
        call_command("labs", "lint", content=folder.root)


@pytest.mark.parametrize(
    ("changes", "mend"),
    [
        ({"chapter": "09-nowhere"}, "no chapter 09-nowhere"),
        ({"slug": "Bad Slug"}, "small letters"),
        ({"number": "7.1"}, "a number is like"),
        ({"slug": "ping-and-netcat"}, "there already"),
    ],
)
def test_what_cannot_be_begun_is_told_and_nothing_is_written(folder, changes, mend):
    before = sorted(folder.root.rglob("*"))
    with pytest.raises(CommandError, match=mend):
        begin(folder, **changes)
    assert sorted(folder.root.rglob("*")) == before
