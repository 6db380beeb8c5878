"""Messages that are not of a registered platform, not for us, or not for the first time are refused."""

import time

import httpx
import pytest

from portal.lti import keys as lti_keys
from portal.lti.models import LtiLaunch, LtiPlatform
from tests.portal.lti.lms import CLAIM, CLIENT, REFUSED, Browser, another_key

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
    lms.signs_with = another_key("lms-1")

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
    lms.key = lms.signs_with = another_key("lms-2")
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
