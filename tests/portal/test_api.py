"""The JSON API: a token sees what its person sees on the pages, and can change nothing."""

import json
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from curriculum.course import get_course
from curriculum.domain import store_pass
from portal.api import api
from portal.models import ApiToken, HelpDeed, HelpRequest
from portal.tokens import make_token
from tests.portal.conftest import make_session

SEEN = {"en": "Seen.", "pt-br": "Visto."}
CLASSES = ("", "/students", "/standing", "/grades", "/hands")


@pytest.fixture
def script(world):
    """script(user): a client with a token of theirs."""

    def of(person) -> Client:
        return Client(headers={"Authorization": f"Bearer {make_token(person, 'test')}"})

    return of


def test_a_token_says_whose_it_is(world, script):
    assert script(world.paula).get("/api/v1/me").json() == {
        "username": "paula",
        "name": "",
        "role": "instructor",
    }


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer redes_guess", "Basic YTpi"])
def test_without_a_token_nothing_opens_and_nobody_is_led_to_a_login(world, header):
    for path in api.get_openapi_schema(path_prefix="/api/v1/")["paths"]:
        answer = Client(headers={"Authorization": header}).get(path.replace("{class_id}", "1"))
        assert answer.status_code == 401, path


def test_a_login_in_the_browser_is_no_token(world, visit):
    assert visit(world.paula).get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("how", ["too old", "taken back", "deactivated"])
def test_a_token_that_is_over_opens_nothing(world, script, visit, how):
    browser = script(world.paula)
    token = ApiToken.objects.get(person=world.paula)
    if how == "too old":
        ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "taken back":
        visit(world.paula).post(f"/account/tokens/{token.pk}/revoke/")
    else:
        world.paula.is_active = False
        world.paula.save()
    assert browser.get("/api/v1/me").status_code == 401


def test_classes_are_those_one_teaches(world, script):
    (found,) = script(world.paula).get("/api/v1/classes").json()
    assert (found["id"], found["name"], found["students"]) == (world.classroom.pk, "Redes 1", 1)
    assert script(world.alice).get("/api/v1/classes").json() == []
    assert len(script(world.root).get("/api/v1/classes").json()) == 2


@pytest.mark.parametrize("what", CLASSES)
@pytest.mark.parametrize("person", ["alice", "bob", "otto"])
def test_what_is_not_ones_own_does_not_exist(world, script, what, person):
    browser = script(world.people()[person])
    assert browser.get(f"/api/v1/classes/{world.classroom.pk}{what}").status_code == 404


def test_standing_and_grades_are_those_of_the_pages(world, script, lab):
    store_pass(world.attempt, lab.conditions[0].key, SEEN, {})
    browser, address = script(world.paula), f"/api/v1/classes/{world.classroom.pk}"

    (standing,) = browser.get(f"{address}/standing").json()
    assert (standing["student"], standing["lab"], standing["state"], standing["proven"]) == (
        "alice",
        lab.slug,
        "working",
        1,
    )
    (grade,) = browser.get(f"{address}/grades").json()
    assert (grade["points"], grade["most"], grade["is_changed"]) == (2.0, 10, False)
    assert grade["helped"] == 0


def test_a_grade_says_how_much_was_proven_after_an_instructor_had_typed(world, script, lab):
    for condition, is_helped in zip(lab.conditions[:3], (False, True, True), strict=True):
        store_pass(world.attempt, condition.key, SEEN, {}, is_helped=is_helped)

    (grade,) = script(world.paula).get(f"/api/v1/classes/{world.classroom.pk}/grades").json()

    assert grade["helped"] == 2


def log(hand: HelpRequest, deed: HelpDeed, minute: int, person) -> None:
    hand.log.create(deed=deed, at=hand.created_at + timedelta(minutes=minute), person=person)


def test_hands_tell_when_help_came_and_neither_words_nor_helpers(world, script, lab):
    for deed, minute in (
        (HelpDeed.LENT, 2),
        (HelpDeed.TYPED, 3),
        (HelpDeed.ANSWERED, 4),
        (HelpDeed.ANSWERED, 9),
        (HelpDeed.LENT, 11),
    ):
        log(world.hand, deed, minute, world.paula)

    answer = script(world.paula).get(f"/api/v1/classes/{world.classroom.pk}/hands")

    (hand,) = answer.json()
    raised = datetime.fromisoformat(hand.pop("raised_at"))
    minutes = {
        key: (datetime.fromisoformat(hand.pop(key)) - raised) // timedelta(minutes=1)
        for key in ("lent_at", "typed_at", "answered_at")
    }
    assert minutes == {"lent_at": 2, "typed_at": 3, "answered_at": 4}
    assert hand == {"student": "alice", "lab": lab.slug, "answers": 2, "lowered_at": None}
    assert "paula" not in answer.content.decode() and "Why no reply" not in answer.content.decode()


def test_hands_cost_as_many_queries_for_three_as_for_one(world, script):
    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            assert browser.get(f"/api/v1/classes/{world.classroom.pk}/hands").status_code == 200
        return len(found)

    browser = script(world.paula)
    queries()  # the first use of a token is noted
    one = queries()
    for _ in range(2):
        session = make_session(world.attempt)
        log(HelpRequest.objects.create(student=world.alice, session=session), HelpDeed.RAISED, 0, world.alice)

    assert queries() == one
    assert len(browser.get(f"/api/v1/classes/{world.classroom.pk}/hands").json()) == 3


def test_labs_are_told_in_both_languages_and_ones_own_progress(world, script):
    browser = script(world.alice)
    labs = browser.get("/api/v1/labs").json()
    assert [each["slug"] for each in labs] == [lab.slug for lab in get_course().labs]
    assert labs[0]["title"].keys() == {"pt-br", "en"}
    assert len(browser.get("/api/v1/progress").json()) == len(labs)


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_nothing_can_be_changed(world, script, method):
    browser = script(world.root)
    for path in api.get_openapi_schema(path_prefix="/api/v1/")["paths"]:
        answer = getattr(browser, method)(path.replace("{class_id}", str(world.classroom.pk)))
        assert answer.status_code == 405, path


def test_a_secret_is_shown_once_and_not_kept(world, visit):
    browser = visit(world.paula)
    page = browser.post("/account/tokens/create/", {"name": "grades script"}).content.decode()
    secret = page.split("<code>")[1].split("</code>")[0]
    assert Client(headers={"Authorization": f"Bearer {secret}"}).get("/api/v1/me").status_code == 200
    assert secret not in browser.get("/account/tokens/").content.decode()
    assert not ApiToken.objects.filter(digest__contains=secret[:10]).exists()


def test_a_token_needs_a_name_and_there_are_not_endlessly_many(world, visit):
    browser = visit(world.paula)
    browser.post("/account/tokens/create/", {"name": " "})
    assert not world.paula.tokens.exists()
    for number in range(25):
        browser.post("/account/tokens/create/", {"name": f"n{number}"})
    assert world.paula.tokens.count() == 20


def test_its_page_tells_every_address_and_asks_nobody_else_for_anything(world, visit):
    page = visit(None).get("/api/").content.decode()
    described = json.loads(visit(None).get("/api/v1/openapi.json").content)
    assert all(f"GET {path}" in page for path in described["paths"])
    assert "cdn" not in page and "//unpkg" not in page
