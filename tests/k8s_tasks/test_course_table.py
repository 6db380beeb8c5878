"""docs/course.md: what a lab holds is read from its files, what it costs from what playing it has told."""

import datetime
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from curriculum.course import get_course
from k8s_tasks.course_table import (
    Played,
    TableError,
    labs_with_chapters,
    measure,
    static_cells,
    static_row,
    table_of_course,
)

PAGE = Path(__file__).parents[2] / "docs/course.md"


def result(lab, play: str, seconds: float = 4.0, *, right: bool = True) -> dict:
    return {"lab": lab.slug, "play": play, "seconds": seconds, "right": right}


def all_right(lab) -> list[dict]:
    return [result(lab, play.name) for play in (*lab.right_plays, *lab.mutants)]


@pytest.fixture
def lab():
    return get_course().lab("ping-and-netcat")


def test_the_page_says_what_the_labs_files_say():
    rows = [static_row(lab, chapter) for lab, chapter in labs_with_chapters(get_course())]
    assert static_cells(PAGE.read_text()) == rows, "run the plays and `manage.py labs table RESULTS.json`"


def test_the_slowest_solution_and_the_mutants_that_were_caught(lab):
    first = lab.mutants[0].name
    results = [*all_right(lab), result(lab, "solution", 7.5), result(lab, first, right=False)]
    assert measure(lab, results) == Played(7.5, len(lab.mutants) - 1, len(lab.mutants))


def test_a_lab_of_many_solutions_needs_them_all():
    deck = get_course().lab("fault-deck")
    card = deck.solutions[0].name
    with pytest.raises(TableError, match=f"no result of {card}"):
        measure(deck, [each for each in all_right(deck) if each["play"] != card])


def test_a_solution_that_went_wrong_is_no_result(lab):
    with pytest.raises(TableError, match="did not go right: solution"):
        measure(lab, [*all_right(lab), result(lab, "solution", right=False)])


def test_every_lab_without_a_result_is_named(lab):
    with pytest.raises(TableError) as refusal:
        table_of_course(get_course(), all_right(lab), on=datetime.date(2026, 1, 2))
    named = [line.partition(":")[0] for line in str(refusal.value).splitlines()]
    assert named == [each.slug for each in get_course().labs if each.slug != lab.slug]


def test_the_command_writes_the_page_and_fails_where_a_lab_is_missing(tmp_path):
    results, page = tmp_path / "results.json", tmp_path / "course.md"
    told = [each for lab in get_course().labs for each in all_right(lab)]
    results.write_text(json.dumps(told))
    call_command("labs", "table", str(results), "--to", str(page))
    assert len(static_cells(page.read_text())) == len(get_course().labs)

    results.write_text(json.dumps(told[20:]))
    before = page.read_text()
    with pytest.raises(CommandError, match="no good result"):
        call_command("labs", "table", str(results), "--to", str(page))
    assert page.read_text() == before


def test_of_two_files_the_later_one_counts(tmp_path, lab):
    older, newer = all_right(lab), [result(lab, "solution", 2.0)]
    assert measure(lab, [*older, *newer]).seconds == 2.0
