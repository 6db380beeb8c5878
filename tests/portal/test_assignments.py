"""What a class is to do: assigned by its instructor, seen by its students with what they have of it."""

from datetime import timedelta

import pytest
from django.utils import timezone

from curriculum.course import get_course
from curriculum.domain import store_pass
from portal.assignments import due_of
from portal.models import Assignment


@pytest.fixture
def teacher(world, visit):
    return visit(world.paula)


def address(world, act: str = "") -> str:
    return f"/classes/{world.classroom.pk}/assignments/{act}"


def labs_of(world) -> list[str]:
    return sorted(world.classroom.assignments.values_list("lab", flat=True))


def test_a_lab_or_a_whole_chapter_is_assigned_once(world, teacher):
    world.assignment.delete()
    teacher.post(address(world, "assign/"), {"lab": "ping-and-netcat"})
    teacher.post(address(world, "assign/"), {"lab": "ping-and-netcat"})
    assert labs_of(world) == ["ping-and-netcat"]

    teacher.post(address(world, "assign/"), {"chapter": "foundations"})
    assert labs_of(world) == sorted(lab.slug for lab in get_course().chapter("foundations").labs)


def test_a_lab_that_does_not_exist_is_not_assigned(world, teacher):
    world.assignment.delete()
    teacher.post(address(world, "assign/"), {"lab": "no-such-lab"})
    assert labs_of(world) == []
    assert teacher.post(address(world, "assign/"), {"chapter": "no-such"}).status_code == 404


def test_a_due_date_and_points_are_set_and_a_wrong_date_is_told(world, teacher):
    key = world.assignment.pk
    facts = {f"{key}-due_at": "2026-12-01T23:59", f"{key}-points": "25"}
    teacher.post(address(world, f"{key}/"), facts)
    world.assignment.refresh_from_db()
    assert (world.assignment.due_at.isoformat(), world.assignment.points) == ("2026-12-01T23:59:00+00:00", 25)

    response = teacher.post(address(world, f"{key}/"), facts | {f"{key}-due_at": "soon"})
    assert response.status_code == 422
    assert "Enter a valid date/time" in response.content.decode()


def test_a_withdrawn_lab_keeps_the_students_work(world, teacher):
    teacher.post(address(world, f"{world.assignment.pk}/withdraw/"))
    assert not Assignment.objects.exists()
    world.attempt.refresh_from_db()


def test_the_student_sees_what_is_late_what_is_open_and_what_is_done(world, lab):
    def state() -> list[str]:
        return [row["state"] for row in due_of(world.alice)]

    assert state() == ["open"]
    world.assignment.due_at = timezone.now() - timedelta(hours=1)
    world.assignment.save()
    assert state() == ["late"]
    for condition in lab.conditions:
        store_pass(world.attempt, condition.key, {"en": "Seen.", "pt-br": "Visto."}, {})
    assert state() == ["done"]
    assert due_of(world.bob) == []


def test_an_archived_class_asks_for_nothing(world):
    world.classroom.archived_at = timezone.now()
    world.classroom.save()
    assert due_of(world.alice) == []


def test_a_lab_the_course_has_dropped_stays_in_the_books_and_out_of_the_students_way(world, teacher):
    Assignment.objects.create(classroom=world.classroom, lab="dropped")
    assert [row["assignment"].lab for row in due_of(world.alice)] == ["ping-and-netcat"]
    assert "no longer in the course" in teacher.get(address(world)).content.decode()


def test_the_classes_page_tells_the_student(world, visit):
    page = visit(world.alice).get("/classes/").content.decode()
    assert "Assigned to you" in page and "1.2 ping and netcat between pods" in page
