"""Language and account, and the login in between."""

from django.test import Client

from tests.portal.conftest import make_student


def page_language(browser) -> str:
    return browser.get("/").context["language"]


def test_a_visitors_language_is_kept_in_a_cookie(db, healthy):
    browser = Client()
    browser.post("/language/", {"language": "en", "next": "/"})

    assert page_language(browser) == "en"


def test_portuguese_comes_first(db, healthy):
    assert page_language(Client()) == "pt-br"


def test_a_students_language_follows_them_to_another_machine(world, healthy, visit):
    visit(world.alice).post("/language/", {"language": "pt-br", "next": "/"})

    assert page_language(visit(world.alice)) == "pt-br"


def test_an_unknown_language_changes_nothing(world, healthy, visit):
    visit(world.alice).post("/language/", {"language": "xx", "next": "/"})

    world.alice.refresh_from_db()
    assert world.alice.language == "en"


def test_the_language_switch_leads_to_no_other_site(world, healthy, visit):
    response = visit(world.alice).post("/language/", {"language": "en", "next": "https://evil.example/"})

    assert response.url == "/"


def test_the_account_is_saved_and_says_so_in_the_new_language(world, healthy, visit):
    browser = visit(world.alice)

    response = browser.post("/account/", {"first_name": "Alice B.", "language": "pt-br"})

    world.alice.refresh_from_db()
    assert (response.url, world.alice.first_name, world.alice.language) == ("/account/", "Alice B.", "pt-br")


def test_a_wrong_account_form_comes_back_with_what_was_typed(world, healthy, visit):
    response = visit(world.alice).post("/account/", {"first_name": "Ana", "email": "no", "language": "en"})

    world.alice.refresh_from_db()
    assert (response.status_code, world.alice.first_name) == (422, "Alice")
    assert response.context["form"]["first_name"].value() == "Ana"


def test_the_account_gives_no_rights(world, healthy, visit):
    rights = {"role": "instructor", "is_superuser": "on", "username": "root2"}

    visit(world.alice).post("/account/", {"language": "en", **rights})

    world.alice.refresh_from_db()
    assert (world.alice.username, world.alice.is_instructor) == ("alice", False)


def test_a_login_leads_to_the_page_that_was_asked_for(db, healthy):
    make_student("alice")
    form = {"username": "alice", "password": "alice-secret"}

    response = Client().post("/login/?next=/account/", form)

    assert response.url == "/account/"


def test_a_login_leads_to_no_other_site(db, healthy):
    make_student("alice")
    form = {"username": "alice", "password": "alice-secret"}

    assert Client().post("/login/?next=https://evil.example/", form).url == "/"


def test_a_fragment_asked_for_without_a_login_sends_the_whole_page_to_it(world):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/labs/ping-and-netcat/"}

    response = Client().get(f"/sessions/{world.session.pk}/status/", headers=headers)

    assert response["HX-Redirect"] == "/login/?next=/labs/ping-and-netcat/"


def test_a_form_posted_without_a_login_leads_home_afterwards(world):
    assert Client().post(f"/sessions/{world.session.pk}/end/").url == "/login/?next=/"


def test_a_password_is_changed_by_who_knows_the_old_one(world, healthy, visit):
    browser = visit(world.alice)
    new = {"new_password1": "three-way-shake", "new_password2": "three-way-shake"}

    refused = browser.post("/account/password/", {"old_password": "wrong", **new})
    changed = browser.post("/account/password/", {"old_password": "alice-secret", **new})

    assert (refused.status_code, changed.url) == (200, "/account/")
    assert Client().login(username="alice", password="three-way-shake")
    assert browser.get("/account/").status_code == 200


def test_a_changed_password_logs_the_other_browsers_out(world, healthy, visit):
    here, elsewhere = visit(world.alice), visit(world.alice)
    new = {"new_password1": "three-way-shake", "new_password2": "three-way-shake"}

    here.post("/account/password/", {"old_password": "alice-secret", **new})

    assert elsewhere.get("/account/").url.startswith("/login/")
