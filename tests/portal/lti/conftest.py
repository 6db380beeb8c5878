"""A learning platform on this machine, registered, and a course of it that is bound to a class."""

import pytest
from django.core.cache import cache

from portal import outbox
from portal.lti import keys as lti_keys
from portal.lti import scores
from portal.lti.models import LtiContext, LtiPlatform
from portal.models import Assignment
from tests.portal.lti.lms import CLIENT, DEPLOYMENT, Browser, Lms


@pytest.fixture
def asked_tasks(monkeypatch) -> list[str]:
    tasks = []
    for module in (scores, outbox):
        monkeypatch.setattr(module, "ask_softly", tasks.append)
    return tasks


@pytest.fixture(scope="session")
def private_key():
    """To make one takes a while, and each test begins without the tool's key: what differs is its name."""
    return lti_keys._new_private_key()


@pytest.fixture
def lms(live_server, world, healthy, asked_tasks, private_key, monkeypatch):
    cache.clear()
    monkeypatch.setattr(lti_keys, "_new_private_key", lambda: private_key)
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
