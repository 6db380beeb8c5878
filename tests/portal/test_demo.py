"""Demo accounts: made once, kept private, refused in the open."""

import json

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command

from portal.demo import PEOPLE, DemoRefused, ensure_demo_accounts
from portal.models import Classroom, User


@pytest.fixture
def accounts(db, tmp_path):
    return lambda: ensure_demo_accounts(host="127.0.0.1", state_dir=tmp_path)


def test_three_people_can_log_in_and_are_what_they_are_called(accounts):
    student, instructor, admin = (
        authenticate(username=each.username, password=each.password) for each in accounts()
    )

    assert (student.username, instructor.username, admin.username) == ("aluna", "prof", "admin")
    assert (student.is_instructor, instructor.is_instructor) == (False, True)
    assert (admin.is_superuser, instructor.is_superuser) == (True, False)


def test_the_student_is_in_the_class_of_the_instructor(accounts):
    accounts()

    classroom = Classroom.objects.get()
    assert [each.username for each in classroom.students.all()] == ["aluna"]
    assert [each.username for each in classroom.instructors.all()] == ["prof"]


def test_a_second_call_changes_nothing(accounts):
    first = accounts()
    hashes = list(User.objects.values_list("password", flat=True))

    assert accounts() == first
    assert list(User.objects.values_list("password", flat=True)) == hashes


def test_passwords_differ_between_installations_and_are_kept_private(accounts, tmp_path):
    passwords = {each.password for each in accounts()}

    kept = tmp_path / "demo_accounts.json"
    assert len(passwords) == 3
    assert kept.stat().st_mode & 0o777 == 0o600
    assert {each["password"] for each in json.loads(kept.read_text())} == passwords


def test_accounts_that_an_older_portal_made_open_and_are_told_as_before(db, settings, tmp_path, capsys):
    settings.STATE_DIR = tmp_path
    kept = [{"role": role, "username": name, "password": f"{name}-secret"} for role, name in PEOPLE.items()]
    (tmp_path / "demo_accounts.json").write_text(json.dumps(kept))

    call_command("demo_accounts", print=True)

    assert "student aluna aluna-secret" in capsys.readouterr().out
    assert authenticate(username="aluna", password="aluna-secret")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.0.7", "::", "redes.example"])
def test_they_are_refused_where_others_can_reach_the_portal(db, tmp_path, host):
    with pytest.raises(DemoRefused, match="loopback"):
        ensure_demo_accounts(host=host, state_dir=tmp_path)

    assert not User.objects.exists()
    assert list(tmp_path.iterdir()) == []


def test_the_command_prints_a_line_for_each(db, settings, tmp_path, capsys):
    settings.STATE_DIR = tmp_path

    call_command("demo_accounts", print=True)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [line[:2] for line in lines] == [["student", "aluna"], ["instructor", "prof"], ["admin", "admin"]]
    assert authenticate(username="aluna", password=lines[0][2])


def test_the_command_tells_no_password_that_is_not_true_any_more(db, settings, tmp_path, capsys):
    settings.STATE_DIR = tmp_path
    call_command("demo_accounts")
    aluna = User.objects.get(username="aluna")
    aluna.set_password("mine")
    aluna.save()

    call_command("demo_accounts", print=True)

    assert capsys.readouterr().out.splitlines()[0] == "student aluna (changed by its owner)"


def test_the_command_refuses_with_a_sentence(db, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    settings.OPTIONS = {**settings.OPTIONS, "HOST": "0.0.0.0"}

    with pytest.raises(CommandError, match="loopback"):
        call_command("demo_accounts")


def test_the_command_makes_nothing_where_they_are_not_wanted(db, settings, tmp_path):
    settings.STATE_DIR = tmp_path
    settings.OPTIONS = {**settings.OPTIONS, "DEMO_ACCOUNTS": False}

    call_command("demo_accounts", print=True)

    assert not User.objects.exists()
