"""Teachers see who has proven what; students join."""

from datetime import timedelta

import pytest
from django.utils import timezone

from curriculum import domain as work
from curriculum.enums import Verdict
from k8s_tasks.models import ConditionResult, Run
from tests.portal.conftest import LAB, make_run, make_session, make_student


def add_student(world, lab, name: str):
    """A student of Alice's class with an attempt, a proven condition and a failed one."""
    student = make_student(name)
    world.classroom.students.add(student)
    attempt = work.start_attempt(student, lab)
    run = make_run(make_session(attempt))
    work.store_pass(attempt, "icmp-reach", {"en": "reached"}, {})
    for reason in ("nobody listened", "the port was another"):
        ConditionResult.objects.create(
            run=run,
            attempt=attempt,
            condition="handshake",
            verdict=Verdict.FAIL,
            reason={"pt-br": "x", "en": reason},
        )
    return student


@pytest.fixture
def grid(world, visit):
    return lambda query=f"?lab={LAB}": visit(world.paula).get(f"/classes/{world.classroom.pk}/{query}")


def cells_of(response, student) -> dict:
    row = next(row for row in response.context["rows"] if row["student"] == student)
    return {cell["condition"].key: cell for cell in row["cells"]}


def test_the_grid_tells_what_is_proven_and_the_last_reason_of_what_is_not(world, lab, grid):
    bia = add_student(world, lab, "bia")

    cells = cells_of(grid(), bia)

    assert cells["icmp-reach"]["passed"] and cells["icmp-reach"]["last_reason"] == ""
    assert not cells["handshake"]["passed"]
    assert cells["handshake"]["last_reason"] == "the port was another"
    assert cells["ttl-answer"]["last_reason"] == ""


def test_a_student_who_has_not_begun_has_empty_cells(world, grid):
    world.classroom.students.add(world.bob)

    assert {cell["passed"] for cell in cells_of(grid(), world.bob).values()} == {None}


def test_the_newest_attempt_counts_in_the_grid(world, lab, grid):
    bia = add_student(world, lab, "bia")
    work.start_attempt(bia, lab)

    assert {cell["passed"] for cell in cells_of(grid(), bia).values()} == {None}


def test_the_grid_asks_the_database_as_often_for_three_students_as_for_one(
    world, lab, visit, django_assert_num_queries
):
    browser = visit(world.paula)
    address = f"/classes/{world.classroom.pk}/?lab={LAB}"
    with django_assert_num_queries(8):
        browser.get(address)
    for name in ("bia", "caio", "davi"):
        add_student(world, lab, name)
    with django_assert_num_queries(8):
        assert len(browser.get(address).context["rows"]) == 4


def test_a_students_page_asks_as_often_for_three_attempts_as_for_one(
    world, lab, visit, django_assert_num_queries
):
    browser = visit(world.paula)
    address = f"/classes/{world.classroom.pk}/students/{world.alice.pk}/"
    with django_assert_num_queries(14):
        browser.get(address)
    for _ in range(2):
        make_run(make_session(work.start_attempt(world.alice, lab)))
    with django_assert_num_queries(14):
        attempts = browser.get(address).context["attempts"]
    assert [len(each["runs"]) for each in attempts] == [1, 1, 2]


def test_the_list_of_classes_asks_as_often_for_three_as_for_one(world, visit, django_assert_num_queries):
    browser = visit(world.root)
    with django_assert_num_queries(6):
        browser.get("/classes/")
    for number in range(3):
        world.root.classrooms_taught.create(name=f"Class {number}")
    with django_assert_num_queries(6):
        assert len(browser.get("/classes/").context["classrooms"]) == 5


def test_a_student_of_another_class_is_not_found_through_mine(world, visit):
    address = f"/classes/{world.classroom.pk}/students/{world.bob.pk}/"

    assert visit(world.paula).get(address).status_code == 404


def test_the_grid_of_an_unknown_lab_is_not_found(grid):
    assert grid("?lab=none").status_code == 404


def test_the_grid_refreshes_as_a_fragment(world, visit):
    address = f"/classes/{world.classroom.pk}/"

    response = visit(world.paula).get(address, headers={"HX-Request": "true"})

    assert "<html" not in response.content.decode()
    assert "Alice" in response.content.decode()


def poll(browser, world, seen: str):
    return browser.get(
        f"/classes/{world.classroom.pk}/?lab={LAB}&seen={seen}", headers={"HX-Request": "true"}
    )


def test_the_grid_is_sent_again_only_when_it_reads_differently(world, visit, grid):
    browser, seen = visit(world.paula), grid().context["seen"]
    assert poll(browser, world, seen).status_code == 204

    work.store_pass(world.attempt, "icmp-reach", {"en": "reached"}, {})

    assert poll(browser, world, seen).status_code == 200


def test_the_grid_tells_when_a_student_last_did_something(world, lab, grid):
    later = timezone.now() + timedelta(minutes=3)
    Run.objects.filter(pk=world.run.pk).update(created_at=later)
    world.classroom.students.add(world.bob)

    rows = {row["student"]: row for row in grid().context["rows"]}

    assert rows[world.alice]["active_at"] == later
    assert rows[world.bob]["active_at"] is None


def test_a_former_instructor_sees_no_class(world, visit):
    world.paula.role = "student"
    world.paula.save()

    assert visit(world.paula).get(f"/classes/{world.classroom.pk}/").status_code == 404


def test_a_student_joins_by_the_link_and_its_button(world, visit):
    browser, address = visit(world.bob), f"/join/{world.classroom.join_code}/"

    assert browser.get(address).context["is_member"] is False
    assert not world.classroom.students.contains(world.bob)
    browser.post(address)
    browser.post(address)

    assert browser.get(address).context["is_member"] is True
    assert world.classroom.students.filter(pk=world.bob.pk).count() == 1


def test_a_wrong_code_is_not_found(world, visit):
    assert visit(world.bob).post("/join/nothing/").status_code == 404


def test_after_the_login_the_link_still_joins(world, visit):
    address = f"/join/{world.classroom.join_code}/"

    assert visit(None).get(address).url == f"/login/?next={address}"
