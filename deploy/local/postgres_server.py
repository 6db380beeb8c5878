"""A PostgreSQL server of one's own, for tests: `postgres_server.py [--] COMMAND...`

The command gets DATABASE_URL, of a server that ends with it and leaves nothing. Debian's `postgresql` has the
programs. They refuse root and want a user with a name, so root starts them as Debian's `postgres`. The
server listens on a unix socket, on no port, and whoever reaches that needs the password.
"""

import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local import drop  # noqa: E402
from deploy.local.lifeline import tie  # noqa: E402

DEBIANS = Path("/usr/lib/postgresql")
USER = "redes"
UNPRIVILEGED = ("postgres", "nobody")
SECONDS_TO_START = "120"
# What is lost when the machine dies is lost with the folder anyway; a kill of the server alone loses nothing.
SETTINGS = {"listen_addresses": "", "fsync": "off", "max_connections": "300"}


class NoPostgres(Exception):
    """There is no PostgreSQL here, or it does not start; the text says why."""


def find_postgres() -> Path:
    """The folder of the newest server's programs. Raises NoPostgres."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).parent
    found = DEBIANS.glob("*/bin/initdb")
    newest = max(found, key=lambda path: int(path.parts[-3]), default=None)
    if newest is None:
        raise NoPostgres("PostgreSQL was not found: sudo apt-get install postgresql")
    return newest.parent


def choose_ids() -> drop.Ids | None:
    """Whom root becomes for the server; None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {user.pw_name: drop.Ids(user.pw_uid, user.pw_gid) for user in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED if name in known)


class PostgresServer:
    """`with PostgresServer() as server: ... server.url`, the URL of a superuser. Raises NoPostgres."""

    def __init__(self) -> None:
        self._programs = find_postgres()
        self._ids = choose_ids()
        self._password = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self._folder.chmod(0o711)  # the portal is yet another user
        if self._ids:
            os.chown(self._folder, *self._ids)

    def __enter__(self) -> "PostgresServer":
        try:
            self._make()
            log = str(self._folder / "log")
            self._do("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-t", SECONDS_TO_START, "start")
        except NoPostgres:
            self.stop()
            raise
        return self

    def _make(self) -> None:
        given = self._folder / "password"
        given.touch(mode=0o600)
        if self._ids:
            os.chown(given, *self._ids)
        given.write_text(self._password)
        words = ["-D", str(self._data), "-U", USER, "-E", "UTF8", "--locale=C"]
        self._do("initdb", *words, "-A", "scram-sha-256", f"--pwfile={given}")
        given.unlink()
        with (self._data / "postgresql.auto.conf").open("a") as file:
            settings = {**SETTINGS, "unix_socket_directories": str(self._folder)}
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        if (self._data / "postmaster.pid").exists():
            self._do("pg_ctl", "-D", str(self._data), "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def url(self) -> str:
        return f"postgres://{USER}:{self._password}@{str(self._folder).replace('/', '%2F')}/postgres"

    @property
    def version(self) -> str:
        return self._do("postgres", "--version").strip()

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _do(self, program: str, *words: str) -> str:
        command = [str(self._programs / program), *words]
        if self._ids:
            keep = ["--keep", str(self._folder), "--home", str(self._folder)]
            script = str(PROJECT / "deploy/local/drop.py")
            command = [sys.executable, script, "--user", str(self._ids), *keep, "--", *command]
        said = self._folder / "said"  # a pipe would be held open by the server that pg_ctl leaves behind
        with said.open("wb") as output:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)
        text = said.read_text(errors="replace")
        if done.returncode:
            log = self._folder / "log"
            text += log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise NoPostgres(f"{program} failed:\n{text}")
        return text


def main(words: Sequence[str]) -> int:
    command = list(words[1:] if words[:1] == ["--"] else words)
    with PostgresServer() as server:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)  # it is the command's to end; Ctrl-C reaches it by itself
        given = os.environ | {"DATABASE_URL": server.url}
        return subprocess.run(command, env=given, preexec_fn=tie).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except NoPostgres as error:
        sys.exit(f"error: {error}")
