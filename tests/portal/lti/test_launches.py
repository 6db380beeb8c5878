"""Coming from a learning platform over real HTTP: to the right page and class, in a window or a frame."""

import pytest
from django.utils import timezone

from portal.lti import services
from portal.lti.calls import CallFailed
from portal.lti.models import LtiContext, LtiIdentity, LtiPlatform
from portal.models import Classroom, User
from tests.portal.lti.lms import CLAIM, MEMBERSHIP, Browser, fields_of, person


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
