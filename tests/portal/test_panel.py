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
    "model", ["portal/user", "auth/group", "portal/classroom", "k8s_tasks/run", "k8s_tasks/labsession"]
)
def test_lists_are_searched(panel, model):
    assert panel.get(f"/admin/{model}/?q=alice").status_code == 200


def act_on(panel, model: str, action: str, *chosen, **fields):
    """As somebody who was asked and says yes."""
    form = {"action": action, "_selected_action": [each.pk for each in chosen], "confirmed": "yes"} | fields
    return panel.post(f"/admin/{model}/", form, follow=True).content.decode()


def test_who_has_work_cannot_be_deleted(world, panel):
    page = panel.post(f"/admin/portal/user/{world.alice.pk}/delete/", {"post": "yes"}).content.decode()
    act_on(panel, "portal/user", "delete_selected", world.alice, post="yes")

    assert "Cannot delete user" in page
    assert User.objects.filter(pk=world.alice.pk).exists()


def test_who_has_none_can(world, panel):
    panel.post(f"/admin/portal/user/{world.bob.pk}/delete/", {"post": "yes"})

    assert not User.objects.filter(pk=world.bob.pk).exists()


def test_a_person_is_deactivated_and_activated(world, panel, visit):
    browser = visit(world.alice)
    act_on(panel, "portal/user", "deactivate", world.alice)
    assert browser.get("/my-labs/").status_code == 302

    act_on(panel, "portal/user", "activate", world.alice)
    assert browser.get("/my-labs/").status_code == 200


def test_the_administrator_does_not_lock_themselves_out(world, panel):
    page = act_on(panel, "portal/user", "deactivate", world.root, world.alice)

    assert "you cannot deactivate yourself" in page
    assert panel.get("/admin/").status_code == 200


def test_a_class_is_archived_and_restored(world, panel):
    act_on(panel, "portal/classroom", "archive", world.classroom)
    world.classroom.refresh_from_db()
    assert world.classroom.archived_at

    act_on(panel, "portal/classroom", "restore", world.classroom)
    world.classroom.refresh_from_db()
    assert world.classroom.archived_at is None
