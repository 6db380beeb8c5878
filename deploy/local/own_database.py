"""A PostgreSQL database for one portal of the tests, on the server that TEST_DATABASE_URL names."""

import os
import secrets
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

SERVER = "TEST_DATABASE_URL"  # of any database on it whose user may make others


class OwnDatabase:
    """Made by `create`, which does nothing the second time; gone after `drop`, whoever still uses it."""

    def __init__(self, server: str):
        self._server = server
        self._name = f"redes_{secrets.token_hex(6)}"
        self._exists = False

    @classmethod
    def if_wanted(cls) -> "OwnDatabase | None":
        """None when nobody names a server: a portal then has SQLite in its own folder."""
        server = os.environ.get(SERVER, "")
        return cls(server) if server else None

    @property
    def url(self) -> str:
        return urlsplit(self._server)._replace(path=f"/{self._name}").geturl()

    def create(self) -> None:
        if not self._exists:
            self._do("CREATE DATABASE {}")
            self._exists = True

    def drop(self) -> None:
        self._do("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._exists = False

    @staticmethod
    def end_connections(server: str, name: str) -> None:
        """Of whoever uses this database: PostgreSQL drops none that is in use."""
        with psycopg.connect(server, autocommit=True) as connection:
            asked = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            connection.execute(asked, [name])

    def _do(self, command: str) -> None:
        with psycopg.connect(self._server, autocommit=True) as connection:
            connection.execute(sql.SQL(command).format(sql.Identifier(self._name)))
