"""Backup and restore of a portal: `backup.py save FILE`, `backup.py check FILE`, `backup.py restore FILE`.

A backup is one tar: the database (SQLite's own online copy, or pg_dump's custom format), the secret key and
the evidence key where they lie in the state folder, and a manifest with checksums. What runs goes on running
while it is made. Redis is not in it: what it holds is fresh output, kept in the database once a run has
ended. `rehearse FILE` restores it beside the portal, into a place of its own, and reads it there.
"""

import hashlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from portal.options import database_file, read_options  # noqa: E402

KEYS = ("secret_key", "evidence_key.pem")
MANIFEST = "manifest.json"
TABLES = ("portal_user", "curriculum_attempt", "curriculum_conditionpass", "k8s_tasks_run")


class BackupError(Exception):
    """A backup that cannot be made, read or restored; the text is for the operator."""


def save(target: Path) -> None:
    """Whole or not at all. Raises BackupError."""
    options: dict[str, Any] = read_options()
    parts = {"database": _dump(options), **_keys(options["STATE_DIR"])}
    manifest = {
        "made": datetime.now(UTC).isoformat(),
        "kind": _kind(options["DATABASE_URL"]),
        "sums": {name: hashlib.sha256(body).hexdigest() for name, body in parts.items()},
    }
    draft = target.with_name(f"{target.name}.part")
    private = os.open(draft, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with open(private, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, body in {MANIFEST: json.dumps(manifest).encode(), **parts}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(body), 0o600
            archive.addfile(member, io.BytesIO(body))
    draft.replace(target)


def read(source: Path) -> tuple[dict, dict[str, bytes]]:
    """The manifest and the parts, their checksums compared. Raises BackupError."""
    try:
        with tarfile.open(source, "r:gz") as archive:
            files = {member.name: archive.extractfile(member) for member in archive if member.isreg()}
            parts = {name: file.read() for name, file in files.items() if file}
        manifest = json.loads(parts.pop(MANIFEST))
    except (OSError, tarfile.TarError, EOFError, KeyError, ValueError) as error:
        raise BackupError(f"{source} is no backup of this portal: {error}") from None
    for name, wanted in manifest["sums"].items():
        if hashlib.sha256(parts.get(name, b"")).hexdigest() != wanted:
            raise BackupError(f"{source}: {name} is damaged")
    return manifest, parts


def restore(source: Path) -> None:
    """Into an empty place only: what is there is never overwritten. Raises BackupError."""
    options: dict[str, Any] = read_options()
    manifest, parts = read(source)
    if manifest["kind"] != _kind(options["DATABASE_URL"]):
        raise BackupError(f"the backup is of {manifest['kind']}; DATABASE_URL names another kind of database")
    if manifest["kind"] == "sqlite":
        _put(_sqlite_file(options), parts["database"])
    else:
        _pg("pg_restore", "--no-owner", "--exit-on-error", "--dbname", _url(options), stdin=parts["database"])
    for name in KEYS:
        if name in parts:
            _put(options["STATE_DIR"] / name, parts[name])


def rehearse(source: Path) -> dict[str, int]:
    """Restore it where nobody works and count what is in it. Raises BackupError."""
    manifest, parts = read(source)
    if manifest["kind"] == "sqlite":
        return _counts_in_copy(parts["database"])
    wanted = os.environ.get("REHEARSAL_URL", "")
    if not wanted:
        raise BackupError("REHEARSAL_URL= must name an empty PostgreSQL database to restore into")
    _pg("pg_restore", "--no-owner", "--exit-on-error", "--dbname", wanted, stdin=parts["database"])
    asked = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in TABLES)  # noqa: S608
    told = _pg("psql", wanted, "--no-align", "--tuples-only", "--command", asked)
    return {name: int(count) for name, count in (line.split("|") for line in told.decode().split())}


def _counts_in_copy(database: bytes) -> dict[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "copy.sqlite3"
        path.write_bytes(database)
        connection = sqlite3.connect(path)
        try:
            (said,) = connection.execute("PRAGMA integrity_check").fetchone()
            if said != "ok":
                raise BackupError(f"the database in the backup is damaged: {said}")
            counted = {
                name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]  # noqa: S608
                for name in TABLES
            }
        except sqlite3.DatabaseError as error:
            raise BackupError(f"the database in the backup cannot be read: {error}") from None
        finally:
            connection.close()
    return counted


def _dump(options: dict) -> bytes:
    if _kind(options["DATABASE_URL"]) == "postgresql":
        return _pg("pg_dump", "--format=custom", "--no-owner", _url(options))
    source = _sqlite_file(options)
    if not source.is_file():
        raise BackupError(f"there is no database at {source}")
    with tempfile.TemporaryDirectory() as folder:
        copy = sqlite3.connect(Path(folder) / "copy.sqlite3")
        live = sqlite3.connect(f"file:{source}?mode=ro", uri=True)
        live.backup(copy)
        for each in (live, copy):
            each.close()
        return (Path(folder) / "copy.sqlite3").read_bytes()


def _keys(state: Path) -> dict[str, bytes]:
    """Where they are given by the environment instead, the operator keeps them."""
    return {name: (state / name).read_bytes() for name in KEYS if (state / name).is_file()}


def _kind(url: str) -> str:
    scheme = urlsplit(url).scheme
    if scheme in ("", "sqlite"):
        return "sqlite"
    if scheme.startswith("postgres"):
        return "postgresql"
    raise BackupError(f"DATABASE_URL: backups are made of SQLite and PostgreSQL, not of {scheme}")


def _sqlite_file(options: dict) -> Path:
    named = urlsplit(options["DATABASE_URL"]).path[1:]
    return Path(f"/{named}".replace("//", "/")) if named else database_file(options["STATE_DIR"])


def _url(options: dict) -> str:
    return options["DATABASE_URL"]


def _put(path: Path, body: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
            file.write(body)
    except FileExistsError:
        raise BackupError(f"{path} is there already: restore into an empty STATE_DIR") from None


def _pg(*command: str, stdin: bytes | None = None) -> bytes:
    """PostgreSQL's own programs. The URL stands in the command line: run this where only operators log in."""
    try:
        done = subprocess.run(command, input=stdin, capture_output=True)
    except FileNotFoundError:
        raise BackupError(f"{command[0]} is not installed: apt-get install postgresql-client") from None
    if done.returncode:
        raise BackupError(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()[-800:]}")
    return done.stdout


def main(words: list[str]) -> None:
    try:
        match words:
            case ["save", file]:
                save(Path(file))
                print(f"{file}: {Path(file).stat().st_size / 1e6:.1f} MB")
            case ["check", file]:
                manifest, parts = read(Path(file))
                print(f"{file}: of {manifest['made']}, {manifest['kind']}, {', '.join(sorted(parts))}: whole")
            case ["rehearse", file]:
                for name, count in rehearse(Path(file)).items():
                    print(f"{name}: {count}")
            case ["restore", file]:
                restore(Path(file))
                print("restored; now: manage.py migrate")
            case _:
                raise BackupError("usage: backup.py save|check|rehearse|restore FILE")
    except BackupError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main(sys.argv[1:])
