"""Which account somebody from a learning platform has, and what is kept about them."""

from django.utils import timezone

from portal.lti import people
from portal.lti.models import LtiIdentity, LtiLaunch, LtiMember, LtiPlatform
from portal.models import User
from portal.privacy import data_of, erase_person
from tests.portal.lti.lms import REFUSED, Browser, log_in, person


def test_who_comes_twice_at_once_has_one_account(lms, monkeypatch):
    platform = LtiPlatform.objects.get()
    facts = {"given_name": "Ana", "family_name": "Souza", "email": "", "language": "en"}

    def other_first(name: str) -> str:
        monkeypatch.undo()
        people.make_identity(platform, "u-ana", **facts)
        return "ana-later"

    monkeypatch.setattr(people, "_free_username", other_first)
    identity = people.make_identity(platform, "u-ana", **facts)

    assert LtiIdentity.objects.get() == identity
    assert not User.objects.filter(username="ana-later").exists()


def test_the_same_address_takes_no_account_over(lms, world):
    User.objects.filter(pk=world.alice.pk).update(email="ana@escola.br")

    Browser(lms, "u-ana").arrive()

    assert person("u-ana") != world.alice
    assert person("u-ana").email == ""  # the address stays Alice's alone


def test_an_account_is_linked_by_who_is_logged_in_to_it(lms, world):
    ana = Browser(lms, "u-ana")
    log_in(ana, world.alice)
    welcome = ana.launch().headers["location"]
    assert "I am Alice" in ana.pages.get(welcome).text

    ana.press(welcome, account="link")

    assert person("u-ana") == world.alice
    assert LtiIdentity.objects.get().is_linked
    assert "Moodle" in ana.pages.get("/account/").text


def test_without_a_login_nothing_is_linked(lms, world):
    ana = Browser(lms, "u-ana")
    welcome = ana.launch().headers["location"]

    assert ana.press(welcome, account="link").status_code == 404
    assert not LtiIdentity.objects.exists()


def test_an_administrator_is_not_linked_and_not_entered(lms, world):
    ana = Browser(lms, "u-ana")
    log_in(ana, world.root)
    welcome = ana.launch().headers["location"]
    assert ana.press(welcome, account="link").status_code == 404

    LtiIdentity.objects.create(
        platform=LtiPlatform.objects.get(), subject="u-ana", user=world.root, confirmed_at=timezone.now()
    )
    assert Browser(lms, "u-ana").launch().status_code == REFUSED


def test_the_welcome_is_for_the_browser_that_came_and_once(lms):
    ana, other = Browser(lms, "u-ana"), Browser(lms, "u-davi")
    welcome = ana.launch().headers["location"]
    assert other.pages.get(welcome).status_code == 404

    ana.press(welcome, account="own")

    assert ana.pages.get(welcome).status_code == 404
    assert LtiLaunch.objects.get().facts == {}


def test_a_link_is_undone_by_its_owner_alone(lms, world, visit):
    platform = LtiPlatform.objects.get()
    mine = LtiIdentity.objects.create(platform=platform, subject="u-1", user=world.alice, is_linked=True)
    own = LtiIdentity.objects.create(platform=platform, subject="u-2", user=world.alice)

    assert visit(world.bob).post(f"/account/lms/{mine.pk}/unlink/").status_code == 404
    assert visit(world.alice).post(f"/account/lms/{own.pk}/unlink/").status_code == 404
    visit(world.alice).post(f"/account/lms/{mine.pk}/unlink/")

    assert list(LtiIdentity.objects.all()) == [own]


def test_what_a_platform_knows_of_somebody_is_in_their_data_and_goes_with_them(lms, bound):
    ana = person("u-ana")
    (told,) = data_of(ana)["learning_platforms"]
    assert (told["platform__name"], told["subject"]) == ("Moodle", "u-ana")
    assert told["memberships__context__title"] == "Redes 2026"

    erase_person(ana)

    assert not LtiIdentity.objects.filter(subject="u-ana").exists()
    assert not LtiMember.objects.filter(identity__subject="u-ana").exists()


def test_who_has_no_password_erases_their_account_by_name(lms, bound):
    ana = Browser(lms, "u-ana")
    ana.launch()
    me = person("u-ana")

    assert ana.press("/account/erase/", username="somebody").status_code == REFUSED
    assert ana.press("/account/erase/", username=me.username).headers["location"] == "/account/erased/"
    assert not User.objects.filter(pk=me.pk).exists()
