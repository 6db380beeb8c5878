"""Where the replay of a shared terminal changes hands, and who has them."""

import re
from datetime import datetime, timedelta

import pytest
from django.utils.translation import override

from k8s_tasks.models import Run, SharedTyping
from portal.models import HelpDeed, HelpLog, User
from portal.turns import turns_during
from tests.portal.conftest import keep_transcript

PAULA, STUDENT = "paula types.", "The student types."


@pytest.fixture
def terminal(world) -> Run:
    return world.terminal


def moment(terminal: Run, seconds: float) -> datetime:
    return terminal.created_at + timedelta(seconds=seconds)


def press_first_key(world, person: User, seconds: float) -> None:
    """Of a lending: of the first one in this terminal it is kept beside the run too."""
    at = moment(world.terminal, seconds)
    HelpLog.objects.create(request=world.hand, person=person, deed=HelpDeed.TYPED, at=at)
    _, is_new = SharedTyping.objects.get_or_create(run=world.terminal, person=person)
    if is_new:
        SharedTyping.objects.filter(run=world.terminal, person=person).update(began_at=at)


@override("en")
def told(terminal: Run, *marks: tuple[float, str]) -> list[tuple]:
    return [(turn.at, turn.title) for turn in turns_during(terminal, marks)]


def test_the_keyboard_goes_to_the_instructor_and_back(world, terminal):
    press_first_key(world, world.paula, 10)

    marks = (10.02, "instructor"), (20, "student"), (31, "instructor")

    assert told(terminal, *marks) == [(10, PAULA), (20, STUDENT), (31, PAULA)]


def test_of_two_instructors_each_is_named_where_it_was_they(world, terminal):
    for person, at in ((world.paula, 10), (world.otto, 20), (world.paula, 30)):
        press_first_key(world, person, at)

    marks = (
        (10.02, "instructor"),
        (15, "student"),
        (20.02, "instructor"),
        (25, "student"),
        (30.02, "instructor"),
    )

    assert [title for _at, title in told(terminal, *marks)] == [
        *(PAULA, STUDENT, "otto types.", STUDENT, PAULA),
    ]


def test_one_instructor_after_the_other_with_no_key_of_the_student_between(world, terminal):
    press_first_key(world, world.paula, 10)
    press_first_key(world, world.otto, 20)

    assert told(terminal, (10.02, "instructor")) == [(10, PAULA), (20, "otto types.")]


def test_who_is_erased_has_no_name_in_the_replay(world, terminal):
    press_first_key(world, world.otto, 10)
    world.otto.delete()

    assert told(terminal, (10.02, "instructor")) == [(10, "An instructor types.")]


def test_a_terminal_nobody_else_typed_in_has_no_turns_and_costs_one_query(
    terminal, django_assert_num_queries
):
    with django_assert_num_queries(1):
        assert told(terminal) == []


def test_the_page_has_them_beside_the_player_among_what_failed(world, terminal, visit):
    press_first_key(world, world.paula, 10)
    keep_transcript(
        terminal, '[1, "o", "$ "]', '[10.02, "m", "the instructor types"]', '[12.5, "m", "the student types"]'
    )

    page = re.sub(r"\s+", " ", visit(world.alice).get(f"/runs/{terminal.pk}/").content.decode())

    assert 'data-verdict="instructor"> <a href="?at=10.0#replay"' in page and PAULA in page
    assert 'data-verdict="student"> <a href="?at=12.5#replay"' in page
    assert "Jump to a failure or a change of hands" in page and "data-replay-turn" in page


def test_the_page_of_a_terminal_of_one_speaks_of_no_turns(world, terminal, visit):
    keep_transcript(terminal, '[1, "o", "$ "]')

    assert "data-replay-turn" not in visit(world.alice).get(f"/runs/{terminal.pk}/").content.decode()
