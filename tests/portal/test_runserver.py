"""`manage.py runserver` listens where one says, or where the options say."""

import pytest
import uvicorn
from django.core.management import CommandError, call_command


@pytest.fixture
def served(monkeypatch) -> list[tuple]:
    calls = []
    monkeypatch.setattr(uvicorn, "run", lambda app, host, port, **watch: calls.append((app, host, port)))
    return calls


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ([], ("127.0.0.1", 8000)),
        (["8001"], ("127.0.0.1", 8001)),
        (["0.0.0.0:8001"], ("0.0.0.0", 8001)),
        (["[::1]:8001"], ("::1", 8001)),
    ],
)
def test_the_address(served, settings, address, expected):
    settings.OPTIONS = {**settings.OPTIONS, "HOST": "127.0.0.1", "PORT": 8000}

    call_command("runserver", *address, noreload=True)

    assert served == [("portal.asgi:application", *expected)]


@pytest.mark.parametrize("address", ["x", "localhost:http", "99999"])
def test_an_address_that_is_none(served, address):
    with pytest.raises(CommandError, match="no port"):
        call_command("runserver", address)
