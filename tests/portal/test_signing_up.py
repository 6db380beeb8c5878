"""Accounts that people make themselves, passwords they forget, and doors that are not tried for ever."""

import re

import pytest
from django.core import mail
from django.test import Client

from portal.models import User

PASSWORD = "correct horse battery"


@pytest.fixture
def sign_up_is(settings, redis_client):
    def choose(choice: str) -> None:
        settings.OPTIONS = settings.OPTIONS | {"SIGN_UP": choice}

    choose("code")
    return choose


def form(**changed) -> dict:
    facts = {"username": "nina", "first_name": "Nina", "email": "nina@escola.br", "code": ""}
    return {**facts, "password1": PASSWORD, "password2": PASSWORD, **changed}


def visitor() -> Client:
    return Client(headers={"Accept-Language": "en"})


def test_with_the_code_of_a_class_one_is_in_it_and_logged_in(world, sign_up_is):
    browser = visitor()
    assert browser.post("/sign-up/", form(code=world.classroom.join_code.upper())).url == "/"

    nina = User.objects.get(username="nina")
    assert world.classroom.students.contains(nina) and nina.role == "student" and not nina.is_staff
    assert browser.get("/my-labs/").status_code == 200


@pytest.mark.parametrize("code", ["", "wrong", "' or 1=1"])
def test_without_a_class_nobody_gets_in(world, sign_up_is, code):
    assert visitor().post("/sign-up/", form(code=code)).status_code == 422
    assert not User.objects.filter(username="nina").exists()


def test_an_archived_class_takes_nobody_in(world, sign_up_is, visit):
    visit(world.paula).post(f"/classes/{world.classroom.pk}/archive/", {"archived": "1"})
    response = visitor().post("/sign-up/", form(code=world.classroom.join_code))
    assert "No open class has this code." in response.content.decode()


def test_openly_it_needs_no_code_and_closed_there_is_no_page(world, sign_up_is):
    sign_up_is("open")
    assert visitor().post("/sign-up/", form()).status_code == 302
    sign_up_is("closed")
    assert visitor().get("/sign-up/").status_code == 404
    assert "/sign-up/" not in visitor().get("/login/").content.decode()


def test_nobody_makes_themselves_an_administrator(world, sign_up_is):
    sign_up_is("open")
    visitor().post("/sign-up/", form(is_superuser="on", is_staff="on", role="instructor"))
    nina = User.objects.get(username="nina")
    assert (nina.is_superuser, nina.is_staff, nina.role) == (False, False, "student")


def test_the_login_leads_on_with_the_code_of_the_link(world, sign_up_is):
    page = visitor().get(f"/login/?next=/join/{world.classroom.join_code}/").content.decode()
    assert f'/sign-up/?code={world.classroom.join_code}"' in page


def test_from_one_address_only_so_many_accounts_are_tried(world, sign_up_is):
    sign_up_is("open")
    answers = [visitor().post("/sign-up/", form(username="")).status_code for _ in range(21)]
    assert answers == [422] * 20 + [429]


def test_a_password_is_not_guessed(world, redis_client):
    tries = [visitor().post("/login/", {"username": "alice", "password": "x"}).status_code for _ in range(11)]
    assert tries == [200] * 10 + [429]
    right = {"username": "alice", "password": "alice-secret"}
    assert visitor().post("/login/", right).status_code == 429
    assert visitor().post("/login/", {"username": "bob", "password": "bob-secret"}).status_code == 302


def test_whoever_knows_the_password_is_never_held_back(world, redis_client):
    right = {"username": "alice", "password": "alice-secret"}
    assert {visitor().post("/login/", right).status_code for _ in range(12)} == {302}


def test_a_forgotten_password_is_chosen_anew_by_letter(world, redis_client):
    world.alice.email = "alice@escola.br"
    world.alice.save()
    browser = visitor()
    browser.post("/password/", {"email": "alice@escola.br"})
    (letter,) = mail.outbox
    (link,) = re.findall(r"http://testserver(/password/\S+)", letter.body)

    page = browser.get(link, follow=True)
    chosen = {"new_password1": PASSWORD, "new_password2": PASSWORD}
    assert browser.post(page.request["PATH_INFO"], chosen).url == "/"
    assert Client().login(username="alice", password=PASSWORD)
    assert "has been used" in visitor().get(link, follow=True).content.decode()


def test_an_unknown_address_is_answered_alike_and_gets_no_letter(world, redis_client):
    assert visitor().post("/password/", {"email": "nobody@escola.br"}).url == "/password/sent/"
    assert mail.outbox == []


def test_an_address_gets_five_letters_an_hour(world, redis_client):
    world.alice.email = "alice@escola.br"
    world.alice.save()
    for _ in range(7):
        visitor().post("/password/", {"email": "alice@escola.br"})
    assert len(mail.outbox) == 5


def test_without_redis_nobody_is_locked_out(world, monkeypatch):
    def broken():
        raise OSError("no socket")

    monkeypatch.setattr("portal.limits.redis_client", broken)
    assert visitor().post("/login/", {"username": "alice", "password": "alice-secret"}).status_code == 302


def test_a_code_read_from_the_board_leads_to_the_class(world, visit, redis_client):
    bob = visit(world.bob)
    answer = bob.post("/classes/join/", {"code": f" {world.classroom.join_code.upper()} "})
    assert answer.url == f"/join/{world.classroom.join_code}/"
    assert bob.post("/classes/join/", {"code": "wrong"}).url == "/classes/"


def test_who_leaves_takes_the_work_along(world, visit):
    alice = visit(world.alice)
    alice.post(f"/classes/{world.classroom.pk}/leave/")
    assert not world.classroom.students.exists()
    assert alice.get(f"/runs/{world.run.pk}/").status_code == 200
    assert visit(world.paula).get(f"/runs/{world.run.pk}/").status_code == 404
