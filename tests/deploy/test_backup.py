"""A backup is made while the portal works, is whole or said to be damaged, and never overwrites anything."""

import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from portal.options import database_file

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = str(PROJECT / "deploy/backup/backup.py")


@pytest.fixture
def run(tmp_path):
    """run(act, file, state="folder") as an operator calls it."""

    def run(act: str, file: Path, *, state: str = "state", **more: str) -> subprocess.CompletedProcess:
        environment = {"PATH": os.environ["PATH"], "STATE_DIR": str(tmp_path / state), **more}
        command = [sys.executable, SCRIPT, act, str(file)]
        return subprocess.run(command, env=environment, capture_output=True, text=True)

    return run


@pytest.fixture
def portal(tmp_path) -> Path:
    """The state folder of a portal with one person in its database, which is open and being written."""
    state = tmp_path / "state"
    environment = {"PATH": os.environ["PATH"], "STATE_DIR": str(state), "DEMO_ACCOUNTS": "no"}
    manage = [sys.executable, str(PROJECT / "manage.py")]
    subprocess.run([*manage, "migrate", "--no-input"], env=environment, check=True, capture_output=True)
    connection = sqlite3.connect(database_file(state))
    connection.execute(
        "INSERT INTO portal_user (password, is_superuser, username, first_name, last_name, email, is_staff,"
        " is_active, date_joined, role, language)"
        " VALUES ('', 0, 'ana', '', '', '', 0, 1, '2026-01-01', '', '')"
    )
    connection.commit()
    (state / "evidence_key.pem").write_text("of evidence")
    yield state
    connection.close()


def people(state: Path) -> list[str]:
    connection = sqlite3.connect(database_file(state))
    found = [name for (name,) in connection.execute("SELECT username FROM portal_user")]
    connection.close()
    return found


def test_what_was_saved_comes_back_elsewhere_with_its_keys(portal, run, tmp_path):
    file = tmp_path / "backup.tar.gz"
    assert run("save", file).returncode == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "portal_user: 1" in run("rehearse", file).stdout

    assert run("restore", file, state="fresh").returncode == 0

    assert people(tmp_path / "fresh") == ["ana"]
    for key in ("secret_key", "evidence_key.pem"):
        assert (tmp_path / "fresh" / key).read_bytes() == (portal / key).read_bytes()


def test_a_restore_overwrites_nothing(portal, run, tmp_path):
    file = tmp_path / "backup.tar.gz"
    run("save", file)
    done = run("restore", file)
    assert done.returncode == 1 and "is there already" in done.stderr
    assert people(portal) == ["ana"]


def test_a_damaged_backup_is_told_before_anything_is_touched(portal, run, tmp_path):
    file, bad = tmp_path / "backup.tar.gz", tmp_path / "bad.tar.gz"
    run("save", file)
    with tarfile.open(file) as whole, tarfile.open(bad, "w:gz") as spoilt:
        for member in whole:
            body = whole.extractfile(member)
            if member.name == "database":
                member.size -= 1
            spoilt.addfile(member, body)
    for act in ("check", "rehearse", "restore"):
        done = run(act, bad, state="fresh")
        assert done.returncode == 1 and "database is damaged" in done.stderr
    assert not database_file(tmp_path / "fresh").exists()


@pytest.mark.parametrize("body", [b"", b"no tar", b"\x1f\x8b"])
def test_a_file_that_is_none_is_a_sentence(run, tmp_path, body):
    (tmp_path / "x").write_bytes(body)
    done = run("check", tmp_path / "x")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_where_there_is_no_database_nothing_is_saved(run, tmp_path):
    done = run("save", tmp_path / "backup.tar.gz")
    assert done.returncode == 1 and "there is no database" in done.stderr
    assert not (tmp_path / "backup.tar.gz").exists()


def test_of_a_database_we_cannot_dump_it_is_said(run, tmp_path):
    done = run("save", tmp_path / "x", DATABASE_URL="mysql://a/b")
    assert done.returncode == 1 and "not of mysql" in done.stderr
