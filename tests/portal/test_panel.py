"""The administrator's panel: people, classes, and what was done (its acts: test_with_k8s_tasks)."""

import pytest

from portal.models import Classroom, User


@pytest.fixture
def panel(world, visit):
    return visit(world.root)


def test_a_teacher_is_made(panel):
    form = {"username": "tina", "password1": "three-way-shake", "password2": "three-way-shake"}

    panel.post("/admin/portal/user/add/", form | {"usable_password": "true", "role": "instructor"})

    assert User.objects.get(username="tina").is_instructor


def test_a_class_is_made_with_its_people_and_shows_its_link(world, panel):
    form = {
        "name": "Redes 3",
        "join_code": "bcdfgh",
        "instructors": [world.paula.pk],
        "students": [world.bob.pk],
    }

    panel.post("/admin/portal/classroom/add/", form)

    classroom = Classroom.objects.get(name="Redes 3")
    page = panel.get(f"/admin/portal/classroom/{classroom.pk}/change/").content.decode()
    assert list(classroom.students.all()) == [world.bob]
    assert "/join/bcdfgh/" in page


def test_what_was_done_cannot_be_rewritten(world, panel):
    for address in (f"/admin/k8s_tasks/run/{world.run.pk}/change/", "/admin/k8s_tasks/run/add/"):
        assert panel.post(address, {"state": "failed"}).status_code == 403


@pytest.mark.parametrize(
    "model", ["portal/user", "portal/classroom", "k8s_tasks/run", "k8s_tasks/labsession"]
)
def test_lists_are_searched(panel, model):
    assert panel.get(f"/admin/{model}/?q=alice").status_code == 200
