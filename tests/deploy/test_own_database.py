"""The suite on PostgreSQL: each portal of the tests has a database of its own there."""

from urllib.parse import urlsplit

import pytest

from deploy.local import postgres_server
from deploy.local.own_database import SERVER, OwnDatabase
from deploy.local.postgres_server import NoPostgres, find_postgres
from deploy.local.stack import Stack

URL = "postgres://redes:secret@%2Ftmp%2Fpg/postgres"


def database_of(stack: Stack) -> str:
    return stack.env.get("DATABASE_URL", "")


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """A function that gives a portal that was not started, where this server is named."""

    def make(server: str, **options) -> Stack:
        monkeypatch.setenv(SERVER, server)
        monkeypatch.setattr(Stack, "url", "http://127.0.0.1:1")
        return Stack(tmp_path, **options)

    return make


def test_two_portals_share_a_server_and_no_database(stack):
    urls = [urlsplit(database_of(stack(URL))) for _ in range(2)]
    assert {each.netloc for each in urls} == {urlsplit(URL).netloc}
    assert len({each.path for each in urls} | {urlsplit(URL).path}) == 3


def test_without_a_server_it_is_sqlite(stack):
    assert database_of(stack("")) == ""


def test_a_database_that_is_named_is_left_alone(stack):
    assert database_of(stack(URL, DATABASE_URL="postgres://mine")) == "postgres://mine"


def test_none_is_wanted_where_none_is_named(monkeypatch):
    monkeypatch.delenv(SERVER, raising=False)
    assert OwnDatabase.if_wanted() is None


def test_without_postgresql_a_sentence_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_server, "DEBIANS", tmp_path)
    with pytest.raises(NoPostgres, match="sudo apt-get install postgresql"):
        find_postgres()


def test_the_newest_of_debians_servers_is_taken(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgres_server, "DEBIANS", tmp_path)
    for version in ("9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin/initdb").touch()
    assert find_postgres() == tmp_path / "17/bin"
