"""Who may do what in the panel: administrators, those who were let in, and what groups allow them."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission
from django.utils import translation

from k8s_tasks import asking
from k8s_tasks.on_record import told
from portal import panel_rights
from portal.models import User

PEOPLE, GROUPS = "portal/user", "auth/group"


@pytest.fixture
def panel(world, visit):
    return visit(world.root)


@pytest.fixture
def helpdesk(db) -> Group:
    return Group.objects.create(name="Helpdesk")


@pytest.fixture
def stella(db) -> User:
    return User.objects.create_user("stella", is_staff=True, language="en")


def ask(browser, model: str, action: str, *chosen, **fields) -> str:
    form = {"action": action, "_selected_action": [str(each.pk) for each in chosen]} | fields
    return browser.post(f"/admin/{model}/", form, follow=True).content.decode()


def confirm(browser, model: str, action: str, *chosen, **fields) -> str:
    return ask(browser, model, action, *chosen, **{asking.CONFIRMED: "yes"} | fields)


def rights(*names: str) -> list[int]:
    return list(Permission.objects.filter(codename__in=names).values_list("pk", flat=True))


def standing(person: User) -> tuple[bool, bool]:
    person.refresh_from_db()
    return person.is_superuser, person.is_staff


def on_record(obj) -> list[tuple[str, str]]:
    entries = LogEntry.objects.filter(object_id=str(obj.pk)).order_by("action_time")
    return [(entry.user.username, told(entry)) for entry in entries]


@pytest.mark.parametrize(
    ("gives", "takes", "between", "records"),
    [
        (
            "make_administrator",
            "unmake_administrator",
            (True, True),
            ["Made an administrator.", "Administrator no more."],
        ),
        ("let_in", "shut_out", (False, True), ["Let into the panel.", "Shut out of the panel."]),
    ],
)
def test_the_panel_opens_and_shuts_by_acts_that_ask(world, panel, gives, takes, between, records):
    asked = ask(panel, PEOPLE, gives, world.bob)
    assert "What will happen" in asked and "learning platform" in asked
    assert (standing(world.bob), on_record(world.bob)) == ((False, False), [])

    confirm(panel, PEOPLE, gives, world.bob)
    assert standing(world.bob) == between
    confirm(panel, PEOPLE, takes, world.bob)

    assert standing(world.bob) == (False, False)
    assert on_record(world.bob) == [("root", record) for record in records]


@pytest.mark.parametrize(
    ("act", "told"),
    [
        ("deactivate", ["live sessions", "1"]),
        ("put_into_group", ["of them let into the panel", "1"]),
        ("let_in", []),
        ("make_administrator", []),
    ],
)
def test_what_is_at_stake_is_what_the_act_touches(world, panel, helpdesk, act, told):
    carla = User.objects.create_user("carla", is_staff=True)

    asked = ask(panel, PEOPLE, act, world.alice, carla)

    assert re.findall(r"<d[td]>(.*?)</d[td]>", asked) == told


def test_the_form_gives_no_rights(world, panel, helpdesk):
    form = {"username": "bob", "role": "student", "language": "en", "date_joined_0": "2026-01-01"}
    sly = {
        "is_superuser": "on",
        "is_staff": "on",
        "groups": [helpdesk.pk],
        "user_permissions": rights("view_run"),
    }

    panel.post(f"/admin/{PEOPLE}/{world.bob.pk}/change/", form | sly | {"first_name": "Roberto"})

    world.bob.refresh_from_db()
    assert world.bob.first_name == "Roberto"
    assert standing(world.bob) == (False, False) and world.bob.is_active
    assert not world.bob.groups.exists() and not world.bob.user_permissions.exists()


def test_an_administrator_stays_one_by_their_own_hand(world, panel):
    page = confirm(panel, PEOPLE, "unmake_administrator", world.root)

    assert "you cannot take it from yourself" in page and standing(world.root) == (True, True)


def test_who_may_change_people_gives_no_rights_and_touches_nobody_of_the_panel(
    world, visit, stella, helpdesk
):
    stella.user_permissions.set(
        rights("view_user", "change_user", "delete_user", "view_group", "change_group")
    )
    browser = visit(stella)

    for act in ("make_administrator", "let_in", "put_into_group"):
        confirm(browser, PEOPLE, act, world.bob, group=helpdesk.pk)
    confirm(browser, PEOPLE, "deactivate", world.root)
    confirm(browser, GROUPS, "allow", helpdesk, rights=rights("view_run"))

    assert standing(world.bob) == (False, False) and not world.bob.groups.exists()
    assert not helpdesk.permissions.exists()
    world.root.refresh_from_db()
    assert world.root.is_active
    for address in (f"{world.root.pk}/password/", f"{world.root.pk}/delete/"):
        assert browser.get(f"/admin/{PEOPLE}/{address}").status_code == 403
    assert browser.get(f"/admin/{PEOPLE}/{world.bob.pk}/password/").status_code == 200
    assert browser.post(f"/admin/{GROUPS}/{helpdesk.pk}/change/", {"name": "mine"}).status_code == 403


def test_what_a_group_allows_is_chosen_on_a_page_that_asks(world, panel, helpdesk, stella):
    stella.groups.add(helpdesk)
    asked = ask(panel, GROUPS, "allow", helpdesk)
    assert (
        "What will happen" in asked and "SelectFilter2" in asked and "Lab sessions: act (Reset, End" in asked
    )

    confirm(panel, GROUPS, "allow", helpdesk, rights=rights("view_labsession", "view_run"))
    confirm(panel, GROUPS, "allow", helpdesk, rights=rights("view_run"))

    assert [each.codename for each in helpdesk.permissions.all()] == ["view_run"]
    assert on_record(helpdesk) == [
        ("root", "Gained: Lab sessions: look; Runs: look. Lost: -."),
        ("root", "Gained: -. Lost: Lab sessions: look."),
    ]


def test_what_is_no_right_is_not_given(panel, helpdesk):
    page = confirm(panel, GROUPS, "allow", helpdesk, rights=rights("delete_run"))

    assert "Select a valid choice" in page
    assert not helpdesk.permissions.exists() and on_record(helpdesk) == []


def test_members_do_what_their_group_allows_and_no_more(world, panel, visit, helpdesk, stella):
    browser = visit(stella)
    helpdesk.permissions.set(rights("view_labsession"))
    assert browser.get("/admin/k8s_tasks/labsession/").status_code == 403

    asked = ask(panel, PEOPLE, "put_into_group", stella)
    assert "Helpdesk: Lab sessions: look" in asked
    confirm(panel, PEOPLE, "put_into_group", stella, group=helpdesk.pk)

    assert browser.get("/admin/k8s_tasks/labsession/").status_code == 200
    assert browser.get("/admin/k8s_tasks/run/").status_code == 403
    assert browser.get(world.session.get_absolute_url()).status_code == 404
    confirm(panel, PEOPLE, "take_out_of_group", stella, group=helpdesk.pk)
    assert browser.get("/admin/k8s_tasks/labsession/").status_code == 403
    assert on_record(stella) == [
        ("root", "Put into the group Helpdesk."),
        ("root", "Taken out of the group Helpdesk."),
    ]


def test_a_group_opens_nothing_to_who_was_not_let_in(world, visit, helpdesk):
    helpdesk.permissions.set(rights("view_labsession"))
    world.bob.groups.add(helpdesk)

    assert visit(world.bob).get("/admin/k8s_tasks/labsession/").status_code == 302


def test_a_group_that_allows_nothing_says_so_where_it_is_chosen(world, panel, helpdesk):
    assert "Helpdesk: Nothing yet." in ask(panel, PEOPLE, "put_into_group", world.bob)


def test_the_group_that_was_meant_must_be_said(world, panel):
    assert "This field is required" in confirm(panel, PEOPLE, "put_into_group", world.bob)
    assert on_record(world.bob) == []


def test_groups_are_changed_one_at_a_time(panel, helpdesk):
    other = Group.objects.create(name="Other")

    page = confirm(panel, GROUPS, "allow", helpdesk, other, rights=rights("view_run"))

    assert "one at a time" in page and not Permission.objects.filter(group__isnull=False).exists()


def test_the_pages_of_groups_and_people_tell_what_they_may(world, panel, helpdesk, stella):
    helpdesk.permissions.set(rights("change_labsession", "view_run"))
    stella.groups.add(helpdesk)
    world.bob.groups.add(helpdesk)

    listed = panel.get(f"/admin/{GROUPS}/").content.decode()
    group = panel.get(f"/admin/{GROUPS}/{helpdesk.pk}/change/").content.decode()
    person = panel.get(f"/admin/{PEOPLE}/{stella.pk}/change/").content.decode()

    assert '<td class="field-member_count">2</td>' in listed
    for page in (listed, group, person):
        assert "Lab sessions: act (Reset, End, Extend)" in page and "Runs: look" in page
    assert "stella" in group and group.count("not let into the panel") == 1
    assert "changes nothing" in group


def test_a_group_is_made_empty(panel):
    panel.post(f"/admin/{GROUPS}/add/", {"name": "Helpdesk", "permissions": rights("view_run")})

    assert not Group.objects.get(name="Helpdesk").permissions.exists()


def test_rights_are_told_in_the_readers_language_and_each_but_once(db):
    for language in ("en", "pt-br"):
        with translation.override(language):
            labels = [panel_rights.label_of(each) for each in panel_rights.offered()]
            assert len(labels) == len(set(labels)) > 20
            assert not any("Can " in each for each in labels)
