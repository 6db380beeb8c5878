"""Every door has a rule: who finds it open, and who finds nothing there.

The rules are in `permissions`, and docs/permissions.md is written from them. Here every door is opened as
everybody: Alice owns what is asked for, Paula teaches her; Bob and Otto have nothing to do with it. The
doors are those the resolvers know, so that a new one without a rule fails.
"""

from contextlib import contextmanager

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from k8s_tasks.enums import RunState
from k8s_tasks.models import Run
from k8s_tasks.redis_keys import run_output
from k8s_tasks.streams import publish_notice
from portal.api import api
from portal.models import Classroom, HelpRequest
from portal.sockets.following import NOT_FOUND
from portal.sockets.routing import socket_urls
from portal.tokens import make_token
from portal.urls import urlpatterns
from tests.portal.permissions import (
    API,
    CLOSED,
    DOORS,
    LOGIN,
    OPEN,
    PAGE,
    PANEL,
    ROLES,
    SOCKETS,
    api_addresses,
    as_text,
    expected_tables,
    page_addresses,
    page_text,
    socket_addresses,
)

pytestmark = pytest.mark.usefixtures("courses")
REFUSED = {404: CLOSED, 401: "token"}


def address_of(name: str, world) -> str:
    keys = {
        "": {},
        "chapter": {"slug": "foundations"},
        "lab": {"slug": "ping-and-netcat"},
        "quiz": {"attempt_id": world.quiz.pk},
        "question": {"attempt_id": world.quiz.pk, "question": "routers"},
        "recorded": {"slug": "ping-and-netcat", "step": "addresses"},
        "session": {"session_id": world.session.pk},
        "step": {"session_id": world.session.pk, "step": "addresses"},
        "prediction": {"session_id": world.session.pk, "step": "predict-ttl"},
        "run": {"run_id": world.run.pk},
        "attempt": {"attempt_id": world.session.attempt_id},
        "classroom": {"class_id": world.classroom.pk},
        "student": {"class_id": world.classroom.pk, "student_id": world.alice.pk},
        "teacher": {"class_id": world.classroom.pk, "person_id": world.paula.pk},
        "assignment": {"class_id": world.classroom.pk, "assignment_id": world.assignment.pk},
        "grade": {
            "class_id": world.classroom.pk,
            "assignment_id": world.assignment.pk,
            "student_id": world.alice.pk,
        },
        "course": {"class_id": world.classroom.pk, "context_id": world.course.pk},
        "unbound": {"context_id": world.unbound.pk},
        "identity": {"identity_id": world.identity.pk},
        "launch": {"launch_id": "00000000-0000-4000-8000-000000000000"},
        "hand": {"class_id": world.classroom.pk, "hand_id": world.hand.pk},
        "token": {"token_id": world.token.pk},
        "certificate": {"code": world.certificate.code},
        "note": {"note_id": world.note.pk},
        "letter": {"uidb64": "MQ", "token": "no-such"},
        "code": {"code": world.classroom.join_code},
    }
    return reverse(name, kwargs=keys[DOORS[name].subject])


def knock(world, visit, name: str, person: str, method: str):
    browser = visit(world.people().get(person))
    sent = {
        "value": "62",
        "confidence": "75",
        "pod": "ana",
        "name": "Redes 3",
        "number": "1",
        "to": str(other_class(world).pk),
    }
    return getattr(browser, method)(address_of(name, world), sent)


def other_class(world) -> Classroom:
    return Classroom.objects.exclude(pk=world.classroom.pk).get()


def leads_to_login(response) -> bool:
    return response.status_code == 302 and response.url.startswith("/login/")


@contextmanager
def unmade():
    """What is done within is not done."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def found_by(response) -> str:
    """What somebody found behind a door; sending what the page cannot take is being let in all the same."""
    if leads_to_login(response):
        return LOGIN
    is_open = response.status_code < 400 or response.status_code == 422
    return OPEN if is_open else REFUSED.get(response.status_code, str(response.status_code))


def lend_everything(world) -> None:
    """Alice lets her open terminal be watched and typed in."""
    Run.objects.filter(pk=world.terminal.pk).update(state=RunState.RUNNING)
    now = timezone.now()
    HelpRequest.objects.filter(pk=world.hand.pk).update(
        watch_given_at=now, type_given_at=now, type_run=world.terminal
    )


@pytest.fixture
def compare(capfd):
    """compare(part, rows): print what was found as a table, and hold it against the rules."""

    def print_and_compare(part: str, rows: list) -> None:
        with capfd.disabled():
            print("\n" + as_text({part: rows}))
        assert as_text({part: rows}) == as_text({part: expected_tables()[part]})

    return print_and_compare


def test_every_page_has_a_rule():
    names = {pattern.name for pattern in urlpatterns if hasattr(pattern, "name")}
    assert names == set(DOORS)


def test_every_operation_of_the_api_has_a_rule():
    assert {pattern.name for pattern in api.urls[0]} == set(API)


def test_the_api_only_reads():
    operations = api.get_openapi_schema()["paths"].values()
    assert {method for path in operations for method in path} == {"get"}


def test_every_socket_has_a_rule():
    assert {pattern.name for pattern in socket_urls} == set(SOCKETS)


def test_the_rules_are_those_of_the_documentation():
    assert PAGE.read_text() == page_text(), "run: .venv/bin/python -m tests.portal.permissions"


@pytest.mark.integration
@pytest.mark.timeout(900)  # every door, as everybody, in one table
def test_pages_are_open_to_those_the_rules_name(redis_client, world, asked, visit, compare):
    def opened(name: str, person: str, method: str) -> str:
        asked.acts.clear()
        with unmade():
            lend_everything(world)
            found = found_by(knock(world, visit, name, person, method))
        assert found == OPEN or asked.acts == [], (name, person)
        return found

    compare(
        "Pages",
        [
            (address, method.upper(), {person: opened(name, person, method) for person in ROLES})
            for name, address in page_addresses().items()
            for method in DOORS[name].methods.split()
        ],
    )


def test_the_api_is_open_to_those_the_rules_name(world, compare):
    scripts = {
        person: Client(headers={"Authorization": f"Bearer {make_token(user, 'test')}"})
        for person, user in world.people().items()
    }
    scripts["visitor"] = Client()
    rows = []
    for address in api_addresses().values():
        path = address.replace("<class_id>", str(world.classroom.pk))
        rows.append((address, "GET", {who: found_by(scripts[who].get(path)) for who in ROLES}))
    compare("API", rows)


@pytest.mark.integration
@pytest.mark.timeout(900)  # every door, as everybody, in one table
def test_sockets_are_open_to_those_the_rules_name(transactional_db, redis_client, world, dial, compare):
    subjects = {
        "run-socket": world.run,
        "terminal-socket": world.terminal,
        "watch-socket": world.terminal,
        "session-socket": world.session,
        "class-socket": world.classroom,
    }
    say_something_everywhere(redis_client, world)
    lend_everything(world)
    rows = []
    for name, address in socket_addresses().items():
        path = address.replace("<subject>", str(subjects[name].pk)) + "?last=0"
        people = world.people()
        found = {who: async_to_sync(answer_of)(dial(path, people.get(who))) for who in ROLES}
        rows.append((address, "", found))
    compare("WebSockets", rows)


def say_something_everywhere(redis_client, world) -> None:
    """An open socket then brings it, and a closed one is closed: either way it answers."""
    for run in (world.run, world.terminal):
        redis_client.xadd(run_output(run.pk), {"src": "stdout", "ms": 0, "data": b"hello"})
    publish_notice(world.session.pk, "verdicts", {})


@pytest.mark.timeout(900)
def test_the_panel_is_for_administrators_alone(world, visit, compare):
    addresses = admin_addresses()
    assert len(addresses) > 20

    def opened(person: str) -> str:
        """One word for all pages: the administrator is led to the login by none, others see none of them."""
        browser = visit(world.people().get(person))
        answers = [browser.get(address) for address in addresses]
        led = [each.status_code == 302 and "/login/?next=" in each.url for each in answers]
        if not any(led):
            return OPEN
        seen = [each for each, is_led in zip(answers, led, strict=True) if not is_led]
        return LOGIN if {each.status_code for each in seen} <= {404, 405} else "some"

    compare("Administration", [(PANEL, "GET", {person: opened(person) for person in ROLES})])


@pytest.mark.parametrize("name", DOORS)
def test_no_door_opens_by_another_method(world, asked, visit, name):
    for method in {"get", "post"} - set(DOORS[name].methods.split()):
        assert getattr(visit(world.alice), method)(address_of(name, world)).status_code == 405
    assert asked.acts == []


@pytest.mark.parametrize(
    "name", [name for name, door in DOORS.items() if "post" in door.methods and not door.is_foreign]
)
def test_a_form_of_another_site_changes_nothing(world, asked, name):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.alice)

    assert (
        browser.post(address_of(name, world), {"value": "62", "confidence": "75", "pod": "ana"}).status_code
        == 403
    )
    assert asked.acts == []


async def answer_of(socket) -> str:
    assert await socket.connect()
    said = await socket.receive_output(timeout=30)
    if said["type"] == "websocket.send":
        await socket.disconnect()
        return OPEN
    return CLOSED if said["code"] == NOT_FOUND else str(said["code"])


def admin_addresses() -> list[str]:
    """Every page of the panel that can be named; those of one object with a key that is nobody's."""
    return [address for pattern in admin.site.urls[0] for address in _addresses(pattern, "/admin/")]


def _addresses(pattern, prefix: str) -> list[str]:
    route = prefix + str(pattern.pattern)
    if hasattr(pattern, "url_patterns"):
        return [address for each in pattern.url_patterns for address in _addresses(each, route)]
    if pattern.name is None or "(?P" in route or pattern.name in ("login", "logout"):
        return []
    return [route.replace("<path:object_id>", "1").replace("<id>", "1")]


def test_the_panel_opens_to_the_administrator(world, visit):
    browser = visit(world.root)
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert browser.get(address).status_code == 200, address
