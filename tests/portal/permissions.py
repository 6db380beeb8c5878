"""Who may do what: the rule of each door, readable as docs/permissions.md.

`DOORS` has every address of the portal, `API` every operation of the JSON API, `SOCKETS` every WebSocket; a
door that is not here fails test_doors. After a change of these tables:

    .venv/bin/python -m tests.portal.permissions
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/permissions.md"
# Alice's work is what is asked for, and Paula teaches her.
ROLES = {
    "alice": "the student",
    "bob": "another student",
    "paula": "their instructor",
    "otto": "instructor of another class",
    "root": "administrator",
    "visitor": "not logged in",
}
EVERYBODY = frozenset(ROLES)
LOGGED_IN = EVERYBODY - {"visitor"}
VIEWERS = frozenset({"alice", "paula", "root"})
OWNER = frozenset({"alice"})
TEACHERS = frozenset({"paula", "root"})
ADMINISTRATOR = frozenset({"root"})
PANEL = "every page of the panel"
OPEN, LOGIN, CLOSED = "yes", "login", "·"


@dataclass(frozen=True)
class Door:
    methods: str
    open_to: frozenset
    subject: str = ""  # whose key is in the address: lab, session, step, run, classroom ...
    hidden: bool = False  # of those it is closed to, a visitor does not find it either
    is_foreign: bool = False  # forms of learning platforms come here; what guards it: tests/portal/lti


DOORS = {
    "home": Door("get", EVERYBODY),
    "chapter": Door("get", EVERYBODY, "chapter"),
    "quiz": Door("get", LOGGED_IN, "chapter"),
    "quiz-start": Door("post", LOGGED_IN, "chapter"),
    "quiz-result": Door("get", VIEWERS, "quiz"),
    "quiz-question": Door("get post", OWNER, "question"),
    "quiz-ask": Door("post", OWNER, "question"),
    "chapter-print": Door("get", EVERYBODY, "chapter"),
    "glossary": Door("get", EVERYBODY),
    "search": Door("get", EVERYBODY),
    "step": Door("get", EVERYBODY, "recorded"),
    "lab": Door("get", LOGGED_IN, "lab"),
    "recording": Door("get", EVERYBODY, "lab"),
    "recording-cast": Door("get", EVERYBODY, "recorded"),
    "lab-start": Door("post", LOGGED_IN, "lab"),
    "session-look": Door("get", ADMINISTRATOR, "session"),
    "session-look-terminal": Door("get", ADMINISTRATOR, "session"),  # while it is allowed: see test_looking
    "session-status": Door("get", VIEWERS, "session"),
    "session-verdicts": Door("get", VIEWERS, "session"),
    "session-topology": Door("get", VIEWERS, "session"),
    "session-rules": Door("get", VIEWERS, "session"),
    "session-step": Door("get", VIEWERS, "step"),
    "session-extend": Door("post", OWNER, "session"),
    "session-reset": Door("post", OWNER, "session"),
    "session-end": Door("post", OWNER, "session"),
    "session-verify": Door("post", OWNER, "session"),
    "step-run": Door("post", OWNER, "step"),
    "step-answer": Door("post", OWNER, "prediction"),
    "step-hint": Door("post", OWNER, "step"),
    "step-edit": Door("post", OWNER, "step"),
    "step-hints": Door("get", OWNER, "step"),
    "terminal-open": Door("post", OWNER, "session"),
    "run": Door("get", VIEWERS, "run"),
    "run-cast": Door("get", VIEWERS, "run"),
    "run-cancel": Door("post", OWNER, "run"),
    "run-packets": Door("get", VIEWERS, "run"),
    "run-pcap": Door("get", VIEWERS, "run"),
    "classes": Door("get", LOGGED_IN),
    "class": Door("get", TEACHERS, "classroom"),
    "class-quizzes": Door("get", TEACHERS, "classroom"),
    "class-student": Door("get", TEACHERS, "student"),
    "class-create": Door("post", TEACHERS | {"otto"}),
    "class-settings": Door("get post", TEACHERS, "classroom"),
    "class-archive": Door("post", TEACHERS, "classroom"),
    "class-code": Door("post", TEACHERS, "classroom"),
    "class-remove": Door("post", TEACHERS, "student"),
    "join-by-code": Door("post", LOGGED_IN),
    "class-leave": Door("post", OWNER, "classroom"),
    "class-copy": Door("post", TEACHERS, "classroom"),
    "class-instructor-add": Door("post", TEACHERS, "classroom"),
    "class-instructor-remove": Door("post", TEACHERS, "teacher"),
    "class-move": Door("post", frozenset({"root"}), "student"),  # paula has no second class
    "class-roster": Door("get post", TEACHERS, "classroom"),
    "class-roster-links": Door("get", TEACHERS, "classroom"),
    "class-assignments": Door("get", TEACHERS, "classroom"),
    "class-assign": Door("post", TEACHERS, "classroom"),
    "assignment-change": Door("post", TEACHERS, "assignment"),
    "assignment-withdraw": Door("post", TEACHERS, "assignment"),
    "class-grades": Door("get", TEACHERS, "classroom"),
    "class-grade-rules": Door("post", TEACHERS, "classroom"),
    "class-grades-csv": Door("get", TEACHERS, "classroom"),
    "class-grades-xlsx": Door("get", TEACHERS, "classroom"),
    "class-grade": Door("get post", TEACHERS, "grade"),
    "class-live": Door("get", TEACHERS, "classroom"),
    "class-note": Door("post", TEACHERS, "classroom"),
    "class-lms": Door("get", TEACHERS, "classroom"),
    "class-lms-roster": Door("post", TEACHERS, "course"),
    "class-lms-scores": Door("post", TEACHERS, "course"),
    "class-lms-unbind": Door("post", TEACHERS, "course"),
    "hand": Door("get", OWNER, "session"),
    "hand-raise": Door("post", OWNER, "session"),
    "hand-change": Door("post", OWNER, "session"),
    "hand-answer": Door("post", TEACHERS, "hand"),
    "hand-watch": Door("get", TEACHERS, "hand"),  # while it is allowed: see test_helping
    "hand-give-back": Door("post", frozenset({"paula"}), "hand"),  # while it is lent: see test_keyboard
    "notes": Door("get", LOGGED_IN),
    "note-put-away": Door("post", OWNER, "note"),
    "my-work": Door("get", LOGGED_IN),
    "progress": Door("get", LOGGED_IN),
    "certificate-issue": Door(
        "post", LOGGED_IN
    ),  # of one's own work, or it is refused: see test_certificates
    "certificate": Door("get", OWNER, "certificate"),
    "certificate-withdraw": Door("post", OWNER, "certificate"),
    "verify": Door("get", EVERYBODY),
    "verify-certificate": Door("get", EVERYBODY, "certificate"),
    "attempt-evidence": Door("get", VIEWERS, "attempt"),
    "join": Door("get post", LOGGED_IN, "code"),
    "login": Door("get post", EVERYBODY),
    "logout": Door("post", LOGGED_IN),
    "sign-up": Door("get post", EVERYBODY),
    "password_reset": Door("get post", EVERYBODY),
    "password_reset_done": Door("get", EVERYBODY),
    "password_reset_confirm": Door("get post", EVERYBODY, "letter"),
    "tokens": Door("get", LOGGED_IN),
    "token-create": Door("post", LOGGED_IN),
    "token-revoke": Door("post", OWNER, "token"),
    "api": Door("get", EVERYBODY),  # what it tells is in test_api
    "lti-unlink": Door("post", OWNER, "identity"),
    "lti-tool": Door("get", ADMINISTRATOR),
    "lti-login": Door("get post", EVERYBODY, is_foreign=True),
    "lti-launch": Door("post", EVERYBODY, is_foreign=True),
    "lti-deep-link": Door("post", EVERYBODY, is_foreign=True),
    "lti-keys": Door("get", EVERYBODY),
    "lti-welcome": Door(
        "get post", frozenset(), "launch", hidden=True
    ),  # for the browser that came: tests/portal/lti
    "lti-course": Door("get post", OWNER, "unbound"),
    "my-data": Door("get", LOGGED_IN),
    "erase": Door("get post", LOGGED_IN),
    "erased": Door("get", EVERYBODY),
    "account": Door("get post", LOGGED_IN),
    "change-password": Door("get post", LOGGED_IN),
    "set-language": Door("post", EVERYBODY),
    "attach": Door("get", EVERYBODY),
    "preview": Door("get", frozenset(), hidden=True),  # only an author's portal has it
    "panel-course": Door("get", ADMINISTRATOR),
    "panel-course-reload": Door("get post", ADMINISTRATOR),
    "healthz": Door("get", EVERYBODY),
    "readyz": Door("get", EVERYBODY),
    "livez": Door("get", EVERYBODY),
    "metrics": Door("get", frozenset(), hidden=True),  # for who bears the token, see test_metrics
}
API = {
    "openapi-json": EVERYBODY,
    "api-root": frozenset(),
    "me": LOGGED_IN,
    "labs": LOGGED_IN,
    "progress": LOGGED_IN,
    "classes": LOGGED_IN,
    "one_class": TEACHERS,
    "students": TEACHERS,
    "standing": TEACHERS,
    "grades": TEACHERS,
    "hands": TEACHERS,
}
SOCKETS = {
    "run-socket": VIEWERS,
    "terminal-socket": OWNER,
    "watch-socket": TEACHERS,  # while it is allowed; who of them may type: test_keyboard
    "session-socket": VIEWERS,
    "class-socket": TEACHERS,
}


Row = tuple[str, str, Mapping[str, str]]  # address, method, by person what they find


def expected_tables() -> dict[str, list[Row]]:
    """By part of the portal, the rows that the rules make."""
    return {
        "Pages": [
            (address, method.upper(), outcomes(DOORS[name].open_to, hidden=DOORS[name].hidden))
            for name, address in page_addresses().items()
            for method in DOORS[name].methods.split()
        ],
        "Administration": [(PANEL, "GET", outcomes(ADMINISTRATOR, login=LOGIN, outside=LOGIN))],
        "API": [
            (address, "GET", outcomes(API[name], login="token", hidden=not API[name]))
            for name, address in api_addresses().items()
        ],
        "WebSockets": [
            (address, "", outcomes(SOCKETS[name], login=CLOSED))
            for name, address in socket_addresses().items()
        ],
    }


def outcomes(open_to: frozenset, *, hidden: bool = False, login: str = LOGIN, outside: str = CLOSED) -> dict:
    """What everybody finds behind a door: `login` is what a visitor is told, `outside` anybody else."""
    return {
        person: OPEN if person in open_to else login if person == "visitor" and not hidden else outside
        for person in ROLES
    }


def page_addresses() -> dict[str, str]:
    from portal.urls import urlpatterns

    return {each.name: _spelled("/", each) for each in urlpatterns if hasattr(each, "name")}


def api_addresses() -> dict[str, str]:
    from portal.api import api

    return {each.name: _spelled("/api/v1/", each) for each in api.urls[0]}


def socket_addresses() -> dict[str, str]:
    from portal.sockets.routing import socket_urls

    return {each.name: _spelled("/", each) for each in socket_urls}


def _spelled(prefix: str, pattern) -> str:
    return prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"<\1>", str(pattern.pattern))


def as_text(tables: Mapping[str, list[Row]]) -> str:
    """As Markdown that reads well unrendered too: columns of one width."""
    return "\n\n".join(f"## {part}\n\n{_table(rows)}" for part, rows in tables.items()) + "\n"


def _table(rows: list[Row]) -> str:
    head = ["address", "by", *ROLES.values()]
    body = [[f"`{address}`", method, *(found[who] for who in ROLES)] for address, method, found in rows]
    widths = [max(len(line[column]) for line in (head, *body)) for column in range(len(head))]
    lines = [head, ["-" * width for width in widths], *body]
    return "\n".join(
        "| " + " | ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


INTRODUCTION = f"""# Who may do what

Written by `python -m tests.portal.permissions`. `tests/portal/test_doors.py` opens each of these doors as
each of these people, prints what they found, and fails where it is not what stands here, or where the
portal has a door without a rule.

The work asked for is that of **the student**, who is in the class of **their instructor**. **{OPEN}** is
let in, **{LOGIN}** is led to the login, **token** is told that a token is needed, and **{CLOSED}** finds
nothing: a 404, the same as for an address that never was. What changes something is a POST with a token
against forged forms, and no link; what learning platforms send is guarded otherwise ([lti.md](lti.md)).

Groups open none of these doors but the panel's: an administrator may do everything there, and whoever was let
into it what their groups allow ([operations.md](operations.md#the-panels-start-page), `test_panel_rights`).

The student's hand is up, a terminal is open, and they let it be watched and typed in. Without their leave the
doors to it are closed to all others (`test_helping`, `test_looking`). Who may watch it finds its socket open;
keys are taken there from their instructor alone, not from an administrator, and each is judged by the leave
as it stands when it comes (`test_keyboard`).

"""


def page_text() -> str:
    return INTRODUCTION + as_text(expected_tables())


if __name__ == "__main__":
    import os

    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    PAGE.write_text(page_text())
