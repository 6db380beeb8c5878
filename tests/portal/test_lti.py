"""The round trip with a learning platform over real HTTP: launches, refusals, links, roster and grades."""

import time
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest
from django.core.cache import cache
from django.db.models import F
from django.test import Client
from django.utils import timezone
from joserfc.jwk import RSAKey

from curriculum.course import get_course
from curriculum.domain import start_attempt, store_pass
from portal import outbox
from portal.lti import keys as lti_keys
from portal.lti import people, scores, services
from portal.lti.calls import CallFailed
from portal.lti.models import (
    LtiContext,
    LtiIdentity,
    LtiLaunch,
    LtiMember,
    LtiPlatform,
    LtiScore,
    ScoreState,
    ToolKey,
)
from portal.lti.people import import_roster
from portal.models import Assignment, Classroom, Override, User
from portal.privacy import data_of, erase_person
from portal.tasks import send_scores
from tests.portal.lms import CLAIM, CLIENT, DEPLOYMENT, DL, MEMBERSHIP, SCOPES, Browser, Lms, fields_of

SEEN = {"en": "Seen.", "pt-br": "Visto."}
REFUSED = 422


@pytest.fixture
def asked_tasks(monkeypatch) -> list[str]:
    tasks = []
    for module in (scores, outbox):
        monkeypatch.setattr(module, "ask_softly", tasks.append)
    return tasks


@pytest.fixture
def lms(live_server, world, healthy, asked_tasks, monkeypatch):
    cache.clear()
    monkeypatch.setattr(lti_keys, "_fetched", {})
    monkeypatch.setattr("portal.lti.views.is_too_often", lambda *_who, **_limit: False)
    with Lms() as running:
        running.tool = live_server.url
        LtiPlatform.objects.create(
            name="Moodle",
            issuer=running.url,
            client_id=CLIENT,
            deployment_ids=f"{DEPLOYMENT}\n",
            auth_url=f"{running.url}/auth",
            token_url=f"{running.url}/token",
            jwks_url=f"{running.url}/jwks",
        )
        yield running


@pytest.fixture
def bound(lms, lab) -> LtiContext:
    """Rita has bound her course to a class of its own, with one assignment, and Ana is in it."""
    rita = Browser(lms, "u-rita")
    course = rita.arrive().headers["location"]
    rita.press(course)
    context = LtiContext.objects.get()
    Assignment.objects.create(classroom=context.classroom, lab=lab.slug, points=8)
    Browser(lms, "u-ana").arrive()
    return context


def person(subject: str) -> User:
    return LtiIdentity.objects.get(subject=subject).user


# Coming in


def test_a_learner_gets_an_account_of_their_own_and_the_page_of_the_link(lms, lab):
    ana = Browser(lms, "u-ana")

    response = ana.launch(custom={"lab": lab.slug})
    assert User.objects.filter(first_name="Ana").count() == 0  # nothing is made before Ana has said so
    welcome = ana.pages.get(response.headers["location"]).text
    assert "Go on with a new account" in welcome and "Redes 2026" in welcome
    landed = ana.press(response.headers["location"], account="own")

    assert landed.headers["location"] == f"/labs/{lab.slug}/"
    assert ana.pages.get(f"/labs/{lab.slug}/").status_code == 200
    me = person("u-ana")
    assert (me.get_full_name(), me.email, me.language) == ("Ana Souza", "ana@escola.br", "en")
    assert not me.has_usable_password() and not me.is_instructor and not me.is_staff


def test_the_second_time_there_is_nothing_to_ask(lms):
    ana = Browser(lms, "u-ana")
    ana.arrive()

    again = Browser(lms, "u-ana").launch(custom={"chapter": "foundations"})

    assert again.headers["location"] == "/chapters/foundations/"
    assert LtiIdentity.objects.count() == 1


def test_an_instructor_binds_the_course_and_teaches_that_class_alone(lms, world):
    rita = Browser(lms, "u-rita")
    course = rita.arrive().headers["location"]
    assert "Redes 2026" in rita.pages.get(course).text

    landed = rita.press(course).headers["location"]

    classroom = Classroom.objects.get(name="Redes 2026")
    assert landed == f"/classes/{classroom.pk}/lms/"
    assert rita.pages.get(landed).status_code == 200
    assert rita.pages.get(f"/classes/{world.classroom.pk}/").status_code == 404
    assert not person("u-rita").is_instructor
    created = rita.pages.post(
        "/classes/create/",
        data={
            "name": "Mine",
            "csrfmiddlewaretoken": fields_of(rita.pages.get(landed).text)["csrfmiddlewaretoken"],
        },
    )
    assert created.status_code == 404


def test_a_course_is_bound_to_no_class_of_somebody_else(lms, world):
    rita = Browser(lms, "u-rita")
    course = rita.arrive().headers["location"]

    assert rita.press(course, classroom=str(world.classroom.pk)).status_code == 404
    assert LtiContext.objects.get().classroom is None


def test_who_came_before_the_class_was_bound_is_in_it_then(lms):
    Browser(lms, "u-ana").arrive()
    rita = Browser(lms, "u-rita")
    rita.press(rita.arrive().headers["location"])

    assert list(Classroom.objects.get(name="Redes 2026").students.all()) == [person("u-ana")]


def test_who_teaches_no_more_in_the_platform_teaches_no_more_here(lms, bound):
    rita = Browser(lms, "u-rita")
    rita.launch()
    page = f"/classes/{bound.classroom_id}/lms/"
    assert rita.pages.get(page).status_code == 200

    lms.claims = {f"{CLAIM}roles": [f"{MEMBERSHIP}Learner"]}
    rita.launch()

    assert rita.pages.get(page).status_code == 404


@pytest.mark.parametrize(
    "role",
    [
        "http://purl.imsglobal.org/vocab/lis/v2/institution/person#Instructor",
        "http://purl.imsglobal.org/vocab/lis/v2/system/person#Administrator",
    ],
)
def test_a_role_in_the_school_is_none_in_the_course(lms, bound, role):
    lms.claims = {f"{CLAIM}roles": [role]}
    davi = Browser(lms, "u-davi")
    davi.arrive()

    assert davi.pages.get(f"/classes/{bound.classroom_id}/lms/").status_code == 404
    assert not bound.classroom.students.filter(pk=person("u-davi").pk).exists()


def test_an_archived_class_takes_nobody_in(lms, bound):
    Classroom.objects.filter(pk=bound.classroom_id).update(archived_at=timezone.now())
    Browser(lms, "u-davi").arrive()

    assert not bound.classroom.students.filter(pk=person("u-davi").pk).exists()


def test_a_platform_elsewhere_cannot_have_the_portals_own_machine_called(lms, bound, monkeypatch):
    LtiPlatform.objects.update(token_url="https://lms.example/token")
    monkeypatch.setattr(services, "token_for", lambda *_asked: "t")
    lms.asked.clear()

    with pytest.raises(CallFailed, match="own machine"):
        list(services.members_of(LtiContext.objects.get()))

    assert lms.asked == []


# Accounts that were there before


def log_in(browser: Browser, user: User) -> None:
    client = Client()
    client.force_login(user)
    browser.pages.cookies.set("sessionid", client.cookies["sessionid"].value)


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


# Refusals


NOT_FOR_US = [
    ({"aud": "another-tool"}, "another tool"),
    ({"aud": [CLIENT, "more"]}, "another tool"),
    ({"aud": [CLIENT, "more"], "azp": "more"}, "another tool"),
    ({"iss": "https://else.example"}, "another platform"),
    ({"exp": 1}, "too old"),
    ({"iat": 1}, "too old"),
    ({"iat": int(time.time()) + 7200}, "not right"),
    ({"nonce": "of-another-login"}, "not begun here"),
    ({f"{CLAIM}deployment_id": "2"}, "deployment"),
    ({f"{CLAIM}version": "1.1"}, "LTI 1.3"),
    ({f"{CLAIM}message_type": "LtiSubmissionReviewRequest"}, "does not do"),
    ({"sub": ""}, "who wants to come"),
]


def test_a_message_that_is_not_for_us_is_refused(lms):
    ana = Browser(lms, "u-ana")
    for claims, told in NOT_FOR_US:
        lms.claims = claims
        response = ana.launch()
        assert (response.status_code, told in response.text) == (REFUSED, True), (claims, response.text)
    assert not LtiLaunch.objects.exists()


def test_a_message_that_leaves_something_out_is_refused(lms):
    ana = Browser(lms, "u-ana")
    for claim in ("exp", "iat", "aud", "iss", "sub", "nonce", f"{CLAIM}deployment_id", f"{CLAIM}version"):
        lms.drop = (claim,)
        assert ana.launch().status_code == REFUSED, claim


def test_a_message_signed_by_another_key_is_refused(lms):
    lms.signs_with = RSAKey.generate_key(2048, {"kid": "lms-1"})

    response = Browser(lms, "u-ana").launch()

    assert response.status_code == REFUSED
    assert "signature" in response.text


def test_a_message_without_a_signature_is_refused(lms):
    ana = Browser(lms, "u-ana")
    message = ana.message()
    head, body, _signature = message["id_token"].split(".")
    unsigned = "eyJhbGciOiJub25lIiwia2lkIjoibG1zLTEifQ"  # {"alg":"none","kid":"lms-1"}
    for token in (f"{unsigned}.{body}.", f"{head}.{body}.", "rubbish", ""):
        assert ana.pages.post("/lti/launch/", data=message | {"id_token": token}).status_code == REFUSED


def test_a_message_is_accepted_once(lms):
    ana = Browser(lms, "u-ana")
    message = ana.message()
    assert ana.pages.post("/lti/launch/", data=message).status_code == 302

    replayed = ana.pages.post("/lti/launch/", data=message)

    assert replayed.status_code == REFUSED
    assert "used already" in replayed.text


def test_a_message_of_another_browser_is_refused(lms):
    message = Browser(lms, "u-ana").message()

    assert httpx.post(f"{lms.tool}/lti/launch/", data=message).status_code == REFUSED


def test_a_state_of_ones_own_making_is_refused(lms):
    ana = Browser(lms, "u-ana")
    assert ana.pages.post("/lti/launch/", data=ana.message() | {"state": "mine"}).status_code == REFUSED


def test_a_platform_that_is_not_registered_is_refused(lms):
    for asked in ({}, {"iss": "https://nobody.example", "login_hint": "x"}, {"iss": lms.url}):
        assert httpx.get(f"{lms.tool}/lti/login/", params=asked).status_code == REFUSED, asked


def test_a_platform_that_was_shut_is_refused(lms):
    ana = Browser(lms, "u-ana")
    message = ana.message()
    LtiPlatform.objects.update(is_active=False)

    assert ana.begin().status_code == REFUSED
    assert ana.pages.post("/lti/launch/", data=message).status_code == REFUSED


def test_a_platform_that_changes_its_keys_is_believed_again(lms, monkeypatch):
    Browser(lms, "u-ana").arrive()
    lms.key = lms.signs_with = RSAKey.generate_key(2048, {"kid": "lms-2", "use": "sig", "alg": "RS256"})
    assert Browser(lms, "u-ana").launch().status_code == REFUSED  # its keys were read this very moment

    monkeypatch.setattr(lti_keys, "LOOK_AGAIN_SECONDS", 0)

    assert Browser(lms, "u-ana").launch().status_code == 302


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        ("https://lms.example/auth", True),
        ("http://127.0.0.1:8000/auth", True),
        ("http://lms.example/auth", False),
        ("https://user:word@lms.example/", False),
    ],
)
def test_platforms_are_registered_with_https_addresses(world, visit, address, is_taken):
    told = {
        "name": "M",
        "issuer": "https://lms.example",
        "client_id": "x",
        "auth_url": address,
        "token_url": "https://lms.example/token",
        "jwks_url": "https://lms.example/jwks",
    }
    visit(world.root).post("/admin/portal/ltiplatform/add/", told)
    assert LtiPlatform.objects.exists() == is_taken


# Frames


def test_in_a_frame_a_window_is_offered(lms):
    page = Browser(lms, "u-ana").begin(headers={"Sec-Fetch-Dest": "iframe"})

    assert page.status_code == 200
    assert 'target="_blank"' in page.text and "login_hint=u-ana" in page.text
    assert "https:" in page.headers["Content-Security-Policy"].partition("frame-ancestors")[2]
    assert "X-Frame-Options" not in page.headers


def test_choosing_a_link_goes_on_in_the_frame(lms):
    started = Browser(lms, "u-rita").begin(
        headers={"Sec-Fetch-Dest": "iframe"}, target="/lti/deep-link/", deep_link=True
    )
    assert started.status_code == 302


def test_over_tls_the_cookie_comes_back_from_another_site_and_from_a_frame(lms, client):
    told = {"iss": lms.url, "login_hint": "u-ana", "target_link_uri": "https://testserver/lti/deep-link/"}
    response = client.get("/lti/login/", told, secure=True, headers={"Sec-Fetch-Dest": "iframe"})

    (cookie,) = [each for name, each in response.cookies.items() if name.startswith("lti-")]
    assert (cookie["samesite"], cookie["secure"], cookie["httponly"]) == ("None", True, True)
    assert "Partitioned" in cookie.OutputString()


# Deep linking


def test_an_instructor_places_a_lab_with_a_grade(lms, bound, lab):
    rita = Browser(lms, "u-rita")
    page = rita.launch(deep_link=True)
    assert page.status_code == 200
    assert lms.url in page.headers["Content-Security-Policy"].partition("frame-ancestors")[2]

    chosen = {"place": fields_of(page.text)["place"], "page": f"lab:{lab.slug}", "is_graded": "on"}
    answer = httpx.post(f"{lms.tool}/lti/deep-link/", data=chosen)  # as in a frame: without any cookie
    assert lms.url in answer.headers["Content-Security-Policy"].partition("form-action")[2]
    assert httpx.post(f"{lms.url}/return", data=fields_of(answer.text)).text == "placed"

    (claims,) = lms.placed
    assert claims[f"{CLAIM}message_type"] == "LtiDeepLinkingResponse"
    assert claims[f"{CLAIM}deployment_id"] == DEPLOYMENT
    assert claims[f"{DL}data"] == "opaque-7"
    (item,) = claims[f"{DL}content_items"]
    assert item["type"] == "ltiResourceLink" and item["custom"] == {"lab": lab.slug}
    assert item["url"] == f"{lms.tool}/lti/launch/"
    assert (item["lineItem"]["scoreMaximum"], item["lineItem"]["resourceId"]) == (8, lab.slug)


def test_a_chapter_has_no_grade(lms):
    page = Browser(lms, "u-rita").launch(deep_link=True)
    chosen = {"place": fields_of(page.text)["place"], "page": "chapter:foundations", "is_graded": "on"}
    answer = httpx.post(f"{lms.tool}/lti/deep-link/", data=chosen)
    httpx.post(f"{lms.url}/return", data=fields_of(answer.text))

    (item,) = lms.placed[0][f"{DL}content_items"]
    assert item["custom"] == {"chapter": "foundations"}
    assert "lineItem" not in item


def test_learners_place_nothing(lms):
    assert Browser(lms, "u-ana").launch(deep_link=True).status_code == REFUSED


def test_a_choice_that_was_not_offered_is_refused(lms, lab):
    page = Browser(lms, "u-rita").launch(deep_link=True)
    offered = {"place": fields_of(page.text)["place"], "page": f"lab:{lab.slug}"}
    for change in ({"place": "mine"}, {"place": ""}, {"page": "lab:no-such"}, {"page": ""}):
        answer = httpx.post(f"{lms.tool}/lti/deep-link/", data=offered | change)
        assert (answer.status_code, 'name="JWT"' in answer.text) == (REFUSED, False), change


# The roster


def test_the_roster_makes_accounts_and_seats_them(lms, bound):
    rita = Browser(lms, "u-rita")
    rita.launch()

    page = rita.pages.get(f"/classes/{bound.classroom_id}/lms/")
    token = fields_of(page.text)["csrfmiddlewaretoken"]
    done = rita.pages.post(
        f"/classes/{bound.classroom_id}/lms/{bound.pk}/roster/", data={"csrfmiddlewaretoken": token}
    )

    assert done.status_code == 302
    assert lms.asked.count("GET /members") == 2  # both pages
    names = sorted(each.first_name for each in bound.classroom.students.all())
    assert names == ["Ana", "Davi"]
    assert not LtiIdentity.objects.filter(subject="u-gone").exists()
    assert LtiIdentity.objects.get(subject="u-davi").confirmed_at is None


def test_an_imported_person_may_still_link_the_account_they_have(lms, bound, world):
    import_roster(bound, [{"user_id": "u-davi", "given_name": "Davi", "roles": ["Learner"]}])
    imported = person("u-davi")
    davi = Browser(lms, "u-davi")
    log_in(davi, world.bob)

    davi.press(davi.launch().headers["location"], account="link")

    assert person("u-davi") == world.bob
    assert not User.objects.filter(pk=imported.pk).exists()
    assert bound.classroom.students.filter(pk=world.bob.pk).exists()


def test_a_linked_account_is_put_into_no_class_behind_its_owners_back(lms, bound, world):
    LtiIdentity.objects.create(
        platform=bound.platform, subject="u-davi", user=world.bob, is_linked=True, confirmed_at=timezone.now()
    )
    import_roster(bound, [{"user_id": "u-davi", "roles": ["Learner"]}])

    assert not bound.classroom.students.filter(pk=world.bob.pk).exists()


def test_a_roster_that_does_not_come_changes_nothing(lms, bound, world, visit):
    lms.broken = True
    before = bound.classroom.students.count()
    bound.classroom.instructors.add(world.paula)

    response = visit(world.paula).post(f"/classes/{bound.classroom_id}/lms/{bound.pk}/roster/", follow=True)

    assert "HTTP 503" in response.content.decode()
    assert bound.classroom.students.count() == before


# Grades


def prove(user: User, lab, *conditions: str):
    attempt = start_attempt(user, lab)
    for key in conditions:
        store_pass(attempt, key, SEEN, {})
    return attempt


def test_a_grade_goes_to_a_column_of_its_own(lms, bound, lab, asked_tasks):
    wanted = [each.key for each in lab.conditions]
    prove(person("u-ana"), lab, *wanted)
    assert scores.TASK in asked_tasks

    send_scores()

    (item,) = lms.line_items.values()
    assert (item["scoreMaximum"], item["resourceId"]) == (8, lab.slug)
    ((column, score),) = lms.scores
    assert column == lab.slug
    assert (score["userId"], score["scoreGiven"], score["scoreMaximum"]) == ("u-ana", 8.0, 8)
    assert (score["activityProgress"], score["gradingProgress"]) == ("Completed", "FullyGraded")
    assert LtiScore.objects.get().state == ScoreState.SENT


def test_what_was_sent_is_not_sent_twice_and_what_changes_is(lms, bound, lab, world):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    send_scores()
    send_scores()
    LtiContext.objects.update(is_stale=True)
    send_scores()
    assert len(lms.scores) == 1

    assignment = Assignment.objects.get(classroom=bound.classroom)
    Override.objects.create(
        assignment=assignment,
        student=person("u-ana"),
        points=Decimal("7.5"),
        comment="Oral",
        made_by=world.paula,
    )
    send_scores()

    given = [score["scoreGiven"] for _column, score in lms.scores]
    assert given[-1] == 7.5 and len(given) == 2
    assert lms.scores[0][1]["timestamp"] < lms.scores[1][1]["timestamp"]
    assert len(lms.line_items) == 1


def test_a_platform_that_is_away_gets_the_grade_later(lms, bound, lab, asked_tasks):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    lms.broken = True
    send_scores()
    score = LtiScore.objects.get()
    assert (score.state, score.tries) == (ScoreState.WAITING, 1)
    assert "503" in score.problem and score.next_at > timezone.now()

    lms.broken = False
    send_scores()
    assert lms.scores == []  # it is not yet time

    LtiScore.objects.update(next_at=F("next_at") - timedelta(minutes=5))
    asked_tasks.clear()
    outbox.ask_for_what_is_due()
    assert asked_tasks == [scores.TASK]
    send_scores()

    assert len(lms.scores) == 1
    assert LtiScore.objects.get().state == ScoreState.SENT


def test_waiting_grows_and_ends_in_a_word_to_the_instructor(lms, bound, lab, world, visit):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    lms.broken = True
    waits = []
    for _try in range(scores.MOST_TRIES):
        LtiScore.objects.update(next_at=timezone.now() - timedelta(seconds=1))
        before = timezone.now()
        send_scores()
        waits.append(round((LtiScore.objects.get().next_at - before).total_seconds()))
    assert waits == sorted(waits) and waits[0] <= 31 and waits[-1] // 3600 == 6
    assert LtiScore.objects.get().state == ScoreState.FAILED
    bound.classroom.instructors.add(world.paula)
    page = visit(world.paula).get(f"/classes/{bound.classroom_id}/lms/").content.decode()
    assert "given up" in page and "503" in page

    lms.broken = False
    visit(world.paula).post(f"/classes/{bound.classroom_id}/lms/{bound.pk}/scores/")
    send_scores()

    assert len(lms.scores) == 1


def test_why_a_grade_cannot_go_is_told_in_the_readers_language(lms, bound, lab, world, visit):
    LtiContext.objects.update(scopes=[scores.SCORE])
    prove(person("u-ana"), lab, lab.conditions[0].key)
    send_scores()
    bound.classroom.instructors.add(world.paula)
    User.objects.filter(pk=world.paula.pk).update(language="pt-br")

    page = visit(world.paula).get(f"/classes/{bound.classroom_id}/lms/").content.decode()

    assert "A plataforma não deixa a ferramenta" in page


def test_a_column_that_was_deleted_is_made_again(lms, bound, lab):
    attempt = prove(person("u-ana"), lab, lab.conditions[0].key)
    send_scores()
    lms.line_items.clear()
    store_pass(attempt, lab.conditions[1].key, SEEN, {})
    send_scores()
    LtiScore.objects.update(next_at=timezone.now())

    send_scores()

    assert len(lms.line_items) == 1
    assert len(lms.scores) == 2


def test_a_graded_link_brings_its_column_and_makes_the_assignment(lms, bound, lab):
    other = next(each for each in get_course().labs if each.slug != lab.slug)
    _status, item = lms.make_line_item({"scoreMaximum": 10, "label": "x", "resourceId": "their-own"})
    ags = "https://purl.imsglobal.org/spec/lti-ags/claim/endpoint"
    claims = {"lineitem": item["id"], "lineitems": f"{lms.url}/lineitems"}
    lms.claims = {ags: claims | {"scope": SCOPES}}
    Browser(lms, "u-ana").launch(custom={"lab": other.slug})

    prove(person("u-ana"), other, other.conditions[0].key)
    send_scores()

    assert [column for column, _score in lms.scores] == ["their-own"]


def test_who_comes_with_work_of_before_brings_its_grade(lms, bound, lab, world):
    prove(world.alice, lab, lab.conditions[0].key)
    send_scores()
    davi = Browser(lms, "u-davi")
    log_in(davi, world.alice)

    davi.press(davi.launch().headers["location"], account="link")
    send_scores()

    assert [score["userId"] for _column, score in lms.scores] == ["u-davi"]


def test_a_course_whose_grades_break_is_reckoned_again_and_holds_up_no_other(lms, bound, lab, monkeypatch):
    prove(person("u-ana"), lab, lab.conditions[0].key)
    broken = LtiContext.objects.create(
        platform=bound.platform,
        deployment_id=DEPLOYMENT,
        context_id="a-first",
        classroom=Classroom.objects.create(name="Broken"),
        line_items_url=f"{lms.url}/lineitems",
        scopes=SCOPES,
        is_stale=True,
    )
    reckon = scores.grades_of

    def grades_of(classroom, *rest):
        if classroom == broken.classroom:
            raise RuntimeError
        return reckon(classroom, *rest)

    monkeypatch.setattr(scores, "grades_of", grades_of)
    send_scores()

    assert [score["userId"] for _column, score in lms.scores] == ["u-ana"]
    assert list(LtiContext.objects.filter(is_stale=True)) == [broken]


def test_nothing_is_sent_of_people_who_did_nothing_or_who_left(lms, bound, lab):
    Browser(lms, "u-davi").arrive()
    prove(person("u-davi"), lab, lab.conditions[0].key)
    bound.classroom.students.remove(person("u-davi"))

    send_scores()

    assert lms.scores == []


def test_a_grade_that_changes_while_it_is_sent_is_sent_again(lms, bound, lab, monkeypatch):
    attempt = prove(person("u-ana"), lab, lab.conditions[0].key)
    really_send = scores.send_score

    def send_and_change(score, item):
        really_send(score, item)
        monkeypatch.setattr(scores, "send_score", really_send)
        store_pass(attempt, lab.conditions[1].key, SEEN, {})
        scores.reckon(bound)

    monkeypatch.setattr(scores, "send_score", send_and_change)
    send_scores()
    send_scores()

    assert len(lms.scores) == 2
    assert lms.scores[0][1]["scoreGiven"] < lms.scores[1][1]["scoreGiven"]


# Keys and data


def test_the_tools_key_is_made_once_and_kept_sealed(lms):
    first, again = lti_keys.tool_key(), lti_keys.tool_key()

    assert first == again and ToolKey.objects.count() == 1
    assert b"PRIVATE" not in bytes(ToolKey.objects.get().sealed)
    (public,) = httpx.get(f"{lms.tool}/lti/keys/").json()["keys"]
    assert (public["kid"], public["kty"], public["alg"]) == (first[0], "RSA", "RS256")
    assert not {"d", "p", "q"} & public.keys()


def test_after_a_change_of_the_secret_a_new_key_signs(lms, settings):
    old, _private = lti_keys.tool_key()
    settings.SECRET_KEY = "another"

    assert lti_keys.tool_key()[0] != old
    assert [key["kid"] for key in lti_keys.public_keys()["keys"]] == [lti_keys.tool_key()[0]]


def test_the_page_for_administrators_tells_the_addresses(lms, world, visit):
    page = visit(world.root).get("/lti/").content.decode()
    for path in ("login", "launch", "deep-link", "keys"):
        assert f"http://testserver/lti/{path}/" in page
    assert "Moodle" in page


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


def test_an_unbound_course_sends_no_grades(lms, bound, lab, world, visit):
    bound.classroom.instructors.add(world.paula)
    visit(world.paula).post(f"/classes/{bound.classroom_id}/lms/{bound.pk}/unbind/")
    prove(person("u-ana"), lab, lab.conditions[0].key)

    send_scores()

    assert lms.scores == []
    rita = Browser(lms, "u-rita")
    rita.launch()
    assert rita.pages.get(f"/classes/{bound.classroom_id}/lms/").status_code == 404
