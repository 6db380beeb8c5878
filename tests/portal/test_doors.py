"""Every door has a rule: who finds it open, and who finds nothing there.

The table is compared with the URLconf and with the socket routes, so that a new door without a rule
fails here. Alice owns what is asked for, Paula teaches her; Bob and Otto have nothing to do with it.
"""

from dataclasses import dataclass

import pytest
from asgiref.sync import async_to_sync
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from portal.models import Classroom
from portal.sockets.routing import socket_urls
from portal.urls import urlpatterns

LOGGED_IN = frozenset({"alice", "bob", "paula", "otto", "root"})
EVERYBODY = LOGGED_IN | {"visitor"}
VIEWERS = frozenset({"alice", "paula", "root"})
DRIVERS = frozenset({"alice", "root"})
OWNER = frozenset({"alice"})
TEACHERS = frozenset({"paula", "root"})


@dataclass(frozen=True)
class Door:
    method: str
    open_to: frozenset
    subject: str = ""  # whose key is in the address: lab, session, step, run, classroom ...
    hidden: bool = False  # of those it is closed to, a visitor does not find it either


DOORS = {
    "home": Door("get", EVERYBODY),
    "chapter": Door("get", EVERYBODY, "chapter"),
    "quiz": Door("get", LOGGED_IN, "chapter"),
    "quiz-start": Door("post", LOGGED_IN, "chapter"),
    "quiz-result": Door("get", VIEWERS, "quiz"),
    "quiz-question": Door("get", OWNER, "question"),
    "quiz-ask": Door("post", OWNER, "question"),
    "chapter-print": Door("get", EVERYBODY, "chapter"),
    "glossary": Door("get", EVERYBODY),
    "search": Door("get", EVERYBODY),
    "step": Door("get", EVERYBODY, "recorded"),
    "lab": Door("get", LOGGED_IN, "lab"),
    "recording": Door("get", EVERYBODY, "lab"),
    "recording-cast": Door("get", EVERYBODY, "recorded"),
    "lab-start": Door("post", LOGGED_IN, "lab"),
    "session-status": Door("get", VIEWERS, "session"),
    "session-verdicts": Door("get", VIEWERS, "session"),
    "session-topology": Door("get", VIEWERS, "session"),
    "session-step": Door("get", VIEWERS, "step"),
    "session-extend": Door("post", DRIVERS, "session"),
    "session-reset": Door("post", DRIVERS, "session"),
    "session-end": Door("post", DRIVERS, "session"),
    "session-verify": Door("post", DRIVERS, "session"),
    "step-run": Door("post", DRIVERS, "step"),
    "step-answer": Door("post", OWNER, "prediction"),
    "step-hint": Door("post", OWNER, "step"),
    "step-edit": Door("post", OWNER, "step"),
    "step-hints": Door("get", OWNER, "step"),
    "terminal-open": Door("post", OWNER, "session"),
    "run": Door("get", VIEWERS, "run"),
    "run-cast": Door("get", VIEWERS, "run"),
    "run-cancel": Door("post", DRIVERS, "run"),
    "run-packets": Door("get", VIEWERS, "run"),
    "run-pcap": Door("get", VIEWERS, "run"),
    "classes": Door("get", LOGGED_IN),
    "class": Door("get", TEACHERS, "classroom"),
    "class-quizzes": Door("get", TEACHERS, "classroom"),
    "class-student": Door("get", TEACHERS, "student"),
    "class-create": Door("post", TEACHERS | {"otto"}),
    "class-settings": Door("get", TEACHERS, "classroom"),
    "class-archive": Door("post", TEACHERS, "classroom"),
    "class-code": Door("post", TEACHERS, "classroom"),
    "class-remove": Door("post", TEACHERS, "student"),
    "join-by-code": Door("post", LOGGED_IN),
    "class-leave": Door("post", OWNER, "classroom"),
    "class-copy": Door("post", TEACHERS, "classroom"),
    "class-instructor-add": Door("post", TEACHERS, "classroom"),
    "class-instructor-remove": Door("post", TEACHERS, "teacher"),
    "class-move": Door("post", frozenset({"root"}), "student"),  # paula has no second class
    "class-roster": Door("get", TEACHERS, "classroom"),
    "class-roster-links": Door("get", TEACHERS, "classroom"),
    "class-assignments": Door("get", TEACHERS, "classroom"),
    "class-assign": Door("post", TEACHERS, "classroom"),
    "assignment-change": Door("post", TEACHERS, "assignment"),
    "assignment-withdraw": Door("post", TEACHERS, "assignment"),
    "class-grades": Door("get", TEACHERS, "classroom"),
    "class-grade-rules": Door("post", TEACHERS, "classroom"),
    "class-grades-csv": Door("get", TEACHERS, "classroom"),
    "class-grades-xlsx": Door("get", TEACHERS, "classroom"),
    "class-grade": Door("get", TEACHERS, "grade"),
    "class-live": Door("get", TEACHERS, "classroom"),
    "class-note": Door("post", TEACHERS, "classroom"),
    "hand": Door("get", OWNER, "session"),
    "hand-raise": Door("post", OWNER, "session"),
    "hand-change": Door("post", OWNER, "session"),
    "hand-answer": Door("post", TEACHERS, "hand"),
    "hand-watch": Door("get", frozenset(), "hand"),  # only while it is allowed: see test_helping
    "notes": Door("get", LOGGED_IN),
    "note-put-away": Door("post", OWNER, "note"),
    "my-work": Door("get", LOGGED_IN),
    "attempt-evidence": Door("get", VIEWERS, "attempt"),
    "join": Door("get", LOGGED_IN, "code"),
    "login": Door("get", frozenset({"visitor"})),
    "logout": Door("post", LOGGED_IN),
    "sign-up": Door("get", EVERYBODY),
    "password_reset": Door("get", EVERYBODY),
    "password_reset_done": Door("get", EVERYBODY),
    "password_reset_confirm": Door("get", EVERYBODY, "letter"),
    "tokens": Door("get", LOGGED_IN),
    "token-create": Door("post", LOGGED_IN),
    "token-revoke": Door("post", OWNER, "token"),
    "api": Door("get", EVERYBODY),  # what it tells is in test_api
    "my-data": Door("get", LOGGED_IN),
    "erase": Door("get", LOGGED_IN),
    "erased": Door("get", EVERYBODY),
    "account": Door("get", LOGGED_IN),
    "change-password": Door("get", LOGGED_IN),
    "set-language": Door("post", EVERYBODY),
    "attach": Door("get", EVERYBODY),
    "preview": Door("get", frozenset(), hidden=True),  # only an author's portal has it
    "healthz": Door("get", EVERYBODY),
    "readyz": Door("get", EVERYBODY),
    "livez": Door("get", EVERYBODY),
    "metrics": Door("get", frozenset(), hidden=True),  # for who bears the token, see test_metrics
}
SOCKETS = {
    "run-socket": VIEWERS,
    "terminal-socket": OWNER,
    "session-socket": VIEWERS,
    "class-socket": TEACHERS,
}


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
        "hand": {"class_id": world.classroom.pk, "hand_id": world.hand.pk},
        "token": {"token_id": world.token.pk},
        "note": {"note_id": world.note.pk},
        "letter": {"uidb64": "MQ", "token": "no-such"},
        "code": {"code": world.classroom.join_code},
    }
    return reverse(name, kwargs=keys[DOORS[name].subject])


def knock(world, visit, name: str, person: str):
    browser = visit(world.people().get(person))
    return getattr(browser, DOORS[name].method)(
        address_of(name, world),
        {
            "value": "62",
            "confidence": "75",
            "pod": "ana",
            "name": "Redes 3",
            "number": "1",
            "to": str(other_class(world).pk),
        },
    )


def other_class(world) -> Classroom:
    return Classroom.objects.exclude(pk=world.classroom.pk).get()


def leads_to_login(response) -> bool:
    return response.status_code == 302 and response.url.startswith("/login/")


def test_every_page_has_a_rule():
    names = {pattern.name for pattern in urlpatterns if hasattr(pattern, "name")}
    assert names == set(DOORS)


def test_every_socket_has_a_rule():
    assert {pattern.name for pattern in socket_urls} == set(SOCKETS)


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize("person", sorted(EVERYBODY - {"visitor"}))
def test_a_door_is_open_to_those_the_rule_names(world, asked, visit, name, person):
    response = knock(world, visit, name, person)

    if person in DOORS[name].open_to:
        assert response.status_code < 400 or response.status_code == 422  # let in; what was sent is refused
        assert not leads_to_login(response)
    elif name == "login":
        assert response.url == "/"
    else:
        assert response.status_code == 404
        assert asked.acts == []


@pytest.mark.parametrize("name", DOORS)
def test_a_visitor_is_led_to_the_login(world, asked, visit, name):
    response = knock(world, visit, name, "visitor")

    door = DOORS[name]
    assert leads_to_login(response) == ("visitor" not in door.open_to and not door.hidden)
    assert asked.acts == []


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.method == "post"])
def test_what_changes_something_is_no_link(world, asked, visit, name):
    assert visit(world.alice).get(address_of(name, world)).status_code == 405


@pytest.mark.parametrize("name", [name for name, door in DOORS.items() if door.method == "post"])
def test_a_form_of_another_site_changes_nothing(world, asked, name):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(world.alice)

    assert (
        browser.post(address_of(name, world), {"value": "62", "confidence": "75", "pod": "ana"}).status_code
        == 403
    )
    assert asked.acts == []


@pytest.mark.integration
@pytest.mark.parametrize("name", SOCKETS)
@pytest.mark.parametrize("person", [*sorted(EVERYBODY)])
def test_a_socket_is_open_to_those_the_rule_names(transactional_db, redis_url, world, dial, name, person):
    subjects = {
        "runs": world.run,
        "terminals": world.terminal,
        "sessions": world.session,
        "classes": world.classroom,
    }
    kind = {"class-socket": "classes"}.get(name, f"{name.removesuffix('-socket')}s")
    path = f"/ws/{kind}/{subjects[kind].pk}/"
    socket = dial(path, world.people().get(person))

    assert async_to_sync(answer_of)(socket) == ("open" if person in SOCKETS[name] else 4404)


async def answer_of(socket):
    """The code the socket is closed with, or "open" where it brings something or stays."""
    assert await socket.connect()
    if await socket.receive_nothing(timeout=0.05):
        await socket.disconnect()
        return "open"
    said = await socket.receive_output()
    return "open" if said["type"] == "websocket.send" else said["code"]


def admin_addresses() -> list[str]:
    """Every page of the panel that can be named; those of one object with a key that is nobody's."""
    return [address for pattern in admin.site.urls[0] for address in _addresses(pattern, "/admin/")]


def _addresses(pattern, prefix: str) -> list[str]:
    route = prefix + str(pattern.pattern)
    if hasattr(pattern, "url_patterns"):
        return [address for each in pattern.url_patterns for address in _addresses(each, route)]
    if pattern.name is None or "(?P" in route or pattern.name == "login":
        return []
    return [route.replace("<path:object_id>", "1").replace("<id>", "1")]


def test_the_panel_is_for_administrators_alone(world, visit):
    addresses = admin_addresses()
    assert len(addresses) > 20
    for person in ("alice", "paula"):
        browser = visit(world.people()[person])
        answers = {address: browser.get(address).status_code for address in addresses}
        assert set(answers.values()) <= {302, 404, 405}, answers
        assert browser.get("/admin/").url.startswith("/admin/login/")


def test_the_panel_opens_to_the_administrator(world, visit):
    browser = visit(world.root)
    for model in admin.site._registry:
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        assert browser.get(address).status_code == 200, address
