"""The state folder: owners, the lock, and where sockets may lie."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.drop import Ids
from deploy.local.folders import FolderError, Folders, Lock
from portal.options import database_file

PORTAL = Ids(64123, 64123)


def test_sockets_lie_in_the_state_folder_when_the_path_is_short():
    assert Folders(Path("/srv/redes/var")).run == Path("/srv/redes/var/run")


def test_sockets_lie_in_tmp_when_the_path_is_too_long():
    run = Folders(Path("/srv") / ("deep/" * 30)).run
    assert run.parent == Path("/tmp")
    assert run != Folders(Path("/srv") / ("deep/" * 31)).run


def test_a_folder_of_sockets_open_to_others_is_refused(tmp_path):
    folders = Folders(tmp_path)
    folders.run.mkdir(parents=True)
    folders.run.chmod(0o755)
    with pytest.raises(FolderError, match="remove it"):
        folders.make_rest()


def test_a_second_run_is_told_who_runs(tmp_path):
    lock = Lock.take(tmp_path)
    lock.say("pid 7, http://127.0.0.1:8000")
    with pytest.raises(FolderError, match=r"already runs here \(pid 7, http://127.0.0.1:8000\)"):
        Lock.take(tmp_path)
    os.close(lock.descriptor)


def test_the_lock_is_free_after_its_holder_was_shot(tmp_path):
    take = "import sys; from deploy.local.folders import *; Lock.take(Path(sys.argv[1])); os.abort()"
    project = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", take, str(tmp_path)], cwd=project)
    assert done.returncode == -signal.SIGABRT
    os.close(Lock.take(tmp_path).descriptor)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "up.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        Lock.take(tmp_path)
    assert not (tmp_path / "victim").exists()


@pytest.mark.root
def test_root_keeps_the_folder_and_netlab_and_gives_the_rest(tmp_path):
    state = tmp_path / "var"
    (state / "files").mkdir(parents=True)
    (state / "secret_key").touch()
    Folders(state).make_state(PORTAL)
    owner = {name: (state / name).stat().st_uid for name in ("", "netlab", "files", "secret_key")}
    assert owner == {"": 0, "netlab": 0, "files": 64123, "secret_key": 64123}
    assert state.stat().st_mode & 0o7777 == 0o1771


@pytest.mark.root
def test_root_may_write_the_database_whatever_the_kernel_says_of_sticky_folders(tmp_path):
    # fs.protected_regular counts where a folder is sticky and neither it nor the file is the writer's.
    database_file(tmp_path).parent.mkdir()
    database_file(tmp_path).touch()
    Folders(tmp_path).make_state(PORTAL)
    folder = database_file(tmp_path).parent.stat()
    assert (folder.st_uid, folder.st_mode & stat.S_ISVTX) == (PORTAL.uid, 0)


def test_a_database_of_an_earlier_version_is_used_where_it_lies_until_a_start_moves_it(tmp_path):
    before = tmp_path / "portal.sqlite3"
    for path in (before, tmp_path / "portal.sqlite3-wal"):
        path.write_text(path.name)
    assert database_file(tmp_path) == before
    Folders(tmp_path).make_rest()
    assert database_file(tmp_path).parent == tmp_path / "database"
    kept = {path.name: path.read_text() for path in database_file(tmp_path).parent.iterdir()}
    assert kept == {name: name for name in ("portal.sqlite3", "portal.sqlite3-wal")}


@pytest.mark.root
def test_root_takes_nobody_elses_files(tmp_path):
    (tmp_path / "thesis.odt").touch()
    with pytest.raises(FolderError, match="holds other files"):
        Folders(tmp_path).make_state(PORTAL)
    assert (tmp_path / "thesis.odt").stat().st_uid == 0


@pytest.mark.root
def test_links_are_given_but_not_followed(tmp_path):
    state, victim = tmp_path / "var", tmp_path / "victim"
    state.mkdir()
    victim.touch()
    (state / "secret_key").symlink_to(victim)
    Folders(state).make_state(PORTAL)
    assert victim.stat().st_uid == 0
    assert (state / "secret_key").lstat().st_uid == 64123


@pytest.mark.root
def test_root_trusts_no_netlab_folder_of_an_ordinary_user(tmp_path):
    netlab = Folders(tmp_path).netlab
    netlab.mkdir()
    (netlab / "netlab.log").symlink_to("/etc/passwd")
    (tmp_path / "secret_key").touch()
    os.chown(netlab, *PORTAL)
    Folders(tmp_path).make_state(PORTAL)
    assert netlab.stat().st_uid == 0
    assert list(netlab.iterdir()) == []


def test_a_folder_made_by_another_user_is_a_sentence(tmp_path, monkeypatch):
    (tmp_path / "netlab").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path).name != "netlab")
    with pytest.raises(FolderError, match="was made by another user"):
        Folders(tmp_path).make_state(None)
