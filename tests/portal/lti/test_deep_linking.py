"""An instructor places a link from the learning platform's own page."""

import httpx

from tests.portal.lti.lms import CLAIM, DEPLOYMENT, DL, REFUSED, Browser, fields_of


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


def test_the_page_speaks_the_platforms_language_to_the_end_and_says_for_which_course(lms, lab):
    lms.claims = {f"{CLAIM}launch_presentation": {"locale": "pt-BR"}}
    page = Browser(lms, "u-rita").launch(deep_link=True).text
    assert "Moodle · Redes 2026" in page and "O que o link deve abrir?" in page

    english = httpx.Client(headers={"Accept-Language": "en"})
    chosen = {"place": fields_of(page)["place"], "page": ""}
    for choice, told in (("", "Escolha um capítulo"), (f"lab:{lab.slug}", "De volta ao ambiente virtual")):
        answer = english.post(f"{lms.tool}/lti/deep-link/", data=chosen | {"page": choice})
        assert told in answer.text
    httpx.post(f"{lms.url}/return", data=fields_of(answer.text))

    assert lms.placed[0][f"{DL}content_items"][0]["title"] == f"{lab.number} {lab.title['pt-br']}"


def test_learners_place_nothing(lms):
    assert Browser(lms, "u-ana").launch(deep_link=True).status_code == REFUSED


def test_a_choice_that_was_not_offered_is_refused(lms, lab):
    page = Browser(lms, "u-rita").launch(deep_link=True)
    offered = {"place": fields_of(page.text)["place"], "page": f"lab:{lab.slug}"}
    for change in ({"place": "mine"}, {"place": ""}, {"page": "lab:no-such"}, {"page": ""}):
        answer = httpx.post(f"{lms.tool}/lti/deep-link/", data=offered | change)
        assert (answer.status_code, 'name="JWT"' in answer.text) == (REFUSED, False), change
