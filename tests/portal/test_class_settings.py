"""Instructors make, rename, close and tidy their classes."""

import pytest

from portal.models import Classroom


@pytest.fixture
def teacher(world, visit):
    return visit(world.paula)


def address(world, act: str = "settings") -> str:
    return f"/classes/{world.classroom.pk}/{act}/"


def test_an_instructor_makes_a_class_and_teaches_it(world, teacher):
    response = teacher.post("/classes/create/", {"name": "Redes 3"})

    classroom = Classroom.objects.get(name="Redes 3")
    assert response.url == f"/classes/{classroom.pk}/"
    assert list(classroom.instructors.all()) == [world.paula]


def test_a_class_needs_a_name(world, teacher):
    response = teacher.post("/classes/create/", {"name": " "})

    assert response.status_code == 422
    assert "This field is required" in response.content.decode()
    assert Classroom.objects.count() == 2


def test_a_class_is_renamed(world, teacher):
    teacher.post(address(world), {"name": "Redes 1B"})

    world.classroom.refresh_from_db()
    assert world.classroom.name == "Redes 1B"


def test_a_bad_name_is_told_and_changes_nothing(world, teacher):
    response = teacher.post(address(world), {"name": "x" * 121})

    assert response.status_code == 422
    assert response.context["classroom"].name == "Redes 1"


def test_a_new_link_ends_the_old_one(world, teacher, visit):
    old = world.classroom.join_code

    teacher.post(address(world, "code"))

    world.classroom.refresh_from_db()
    assert visit(world.bob).get(f"/join/{old}/").status_code == 404
    assert visit(world.bob).get(f"/join/{world.classroom.join_code}/").status_code == 200


def test_a_removed_student_is_out_of_sight_and_keeps_the_work(world, teacher, visit):
    teacher.post(address(world, f"students/{world.alice.pk}/remove"))

    assert not world.classroom.students.exists()
    assert teacher.get(f"/runs/{world.run.pk}/").status_code == 404
    assert visit(world.alice).get(f"/runs/{world.run.pk}/").status_code == 200


def test_an_archived_class_takes_nobody_in_and_stays_readable(world, teacher, visit):
    teacher.post(address(world, "archive"), {"archived": "1"})

    assert visit(world.bob).post(f"/join/{world.classroom.join_code}/").status_code == 409
    assert not world.classroom.students.contains(world.bob)
    assert teacher.get(f"/classes/{world.classroom.pk}/").status_code == 200
    context = teacher.get("/classes/").context
    assert (context["classrooms"], context["archived"]) == ([], [world.classroom])


def test_an_archived_class_is_opened_again(world, teacher, visit):
    teacher.post(address(world, "archive"), {"archived": "1"})
    teacher.post(address(world, "archive"), {"archived": "0"})

    visit(world.bob).post(f"/join/{world.classroom.join_code}/")

    assert world.classroom.students.contains(world.bob)


def test_an_instructor_of_another_class_changes_nothing(world, visit):
    for act in ("settings", "archive", "code", f"students/{world.alice.pk}/remove"):
        assert visit(world.otto).post(address(world, act), {"name": "x"}).status_code == 404
    assert world.classroom.students.contains(world.alice)


def test_a_class_has_its_dates_and_ends_after_it_begins(world, teacher):
    dates = {"name": "Redes 1", "starts_on": "2026-03-01", "ends_on": "2026-07-01"}
    teacher.post(address(world), dates)
    world.classroom.refresh_from_db()
    assert str(world.classroom.ends_on) == "2026-07-01"

    response = teacher.post(address(world), {**dates, "ends_on": "2026-02-01"})
    assert response.status_code == 422
    assert "A class ends after it begins." in response.content.decode()


def test_an_instructor_is_added_by_name_and_a_student_is_not(world, teacher):
    teacher.post(address(world, "instructors"), {"username": "otto"})
    teacher.post(address(world, "instructors"), {"username": "bob"})
    teacher.post(address(world, "instructors"), {"username": "nobody"})
    assert set(world.classroom.instructors.all()) == {world.paula, world.otto}

    teacher.post(address(world, f"instructors/{world.otto.pk}/remove"))
    teacher.post(address(world, f"instructors/{world.paula.pk}/remove"))
    assert list(world.classroom.instructors.all()) == [world.paula]  # the last one stays


def test_a_student_is_moved_to_another_class_of_the_same_instructor_only(world, teacher):
    mine = Classroom.objects.create(name="Redes 1 night")
    mine.instructors.add(world.paula)
    ottos = Classroom.objects.get(name="Redes 2")
    act = f"students/{world.alice.pk}/move"

    assert teacher.post(address(world, act), {"to": str(ottos.pk)}).status_code == 404
    assert world.classroom.students.contains(world.alice)
    teacher.post(address(world, act), {"to": str(mine.pk)})
    assert list(world.alice.classrooms.all()) == [mine]


def test_a_copy_has_the_assignments_and_neither_students_nor_dates(world, teacher):
    world.assignment.due_at = "2026-05-01T12:00Z"
    world.assignment.points = 30
    world.assignment.save()

    teacher.post(address(world, "copy"))

    copy = Classroom.objects.get(name="Redes 1 (copy)")
    assert [(each.lab, each.points, each.due_at) for each in copy.assignments.all()] == [
        (world.assignment.lab, 30, None)
    ]
    assert not copy.students.exists() and list(copy.instructors.all()) == [world.paula]
    assert copy.join_code != world.classroom.join_code
