"""The three people a fresh installation can be tried with.

Their passwords are made here, per installation, and kept beside the database (0600): nothing that
is known to the world opens a portal. They are refused where the portal can be reached from other
machines.
"""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from django.contrib.auth.hashers import make_password
from django.db import transaction

from portal.models import Classroom, Role, User

DEMO_CLASS = "Redes 1 (demo)"
LOOPBACK = ("127.0.0.1", "::1", "localhost")
PEOPLE = {"student": "aluna", "instructor": "prof", "admin": "admin"}


class DemoRefused(Exception):
    """Demo accounts must not be made here; the text says why."""


@dataclass(frozen=True)
class DemoAccount:
    """`hashed` is the password as the database keeps it; empty where an older portal made the account."""

    role: str
    username: str
    password: str
    hashed: str = ""


def ensure_demo_accounts(*, host: str, state_dir: Path) -> list[DemoAccount]:
    """Makes what is missing and returns the three accounts; a second call changes nothing.

    Raises DemoRefused when the portal listens beyond this machine.
    """
    if host not in LOOPBACK:
        raise DemoRefused(
            f"demo accounts are only for a portal on the loopback interface, not on {host}; "
            "DEMO_ACCOUNTS=no starts without them"
        )
    accounts = _kept_accounts(state_dir / "demo_accounts.json")
    with transaction.atomic():
        people = {account.role: _ensure_person(account) for account in accounts}
        _ensure_class(people)
    return accounts


def has_kept_password(account: DemoAccount) -> bool:
    """Whether the password made at first still opens the account (its owner may have changed it)."""
    person = User.objects.get(username=account.username)
    # To hash it takes as long as it must; the same hash is the same password.
    return person.password == account.hashed or person.check_password(account.password)


def _kept_accounts(path: Path) -> list[DemoAccount]:
    if not path.exists():
        _write_private(path, [asdict(_make_account(role, name)) for role, name in PEOPLE.items()])
    return [DemoAccount(**kept) for kept in json.loads(path.read_text())]


def _make_account(role: str, username: str) -> DemoAccount:
    password = secrets.token_urlsafe(12)
    return DemoAccount(role, username, password, make_password(password))


def _write_private(path: Path, value) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(value, file, indent=1)
    draft.replace(path)


def _ensure_person(account: DemoAccount) -> User:
    is_admin = account.role == "admin"
    person, is_new = User.objects.get_or_create(
        username=account.username,
        defaults={
            "role": Role.STUDENT if account.role == "student" else Role.INSTRUCTOR,
            "is_staff": is_admin,
            "is_superuser": is_admin,
        },
    )
    if is_new:
        person.password = account.hashed or make_password(account.password)
        person.save(update_fields=["password"])
    return person


def _ensure_class(people: dict[str, User]) -> None:
    classroom, _ = Classroom.objects.get_or_create(name=DEMO_CLASS)
    classroom.instructors.add(people["instructor"])
    classroom.students.add(people["student"])
