"""The tool's own key, and the addresses that an administrator gives a platform."""

import httpx

from portal.lti import keys as lti_keys
from portal.lti.models import ToolKey


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
