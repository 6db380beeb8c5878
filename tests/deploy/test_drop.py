"""Root is given up for good, and what is needed stays reachable below folders only root may enter."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from deploy.local import drop

NOBODY = drop.Ids(64123, 64123)
TELL = """
import json, os, sys
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
seen = {path: os.path.exists(path) for path in sys.argv[1:]}
print(json.dumps({"uid": os.getresuid(), "groups": os.getgroups(), "caps": status["CapEff"], "seen": seen}))
"""


@pytest.fixture
def closed():
    """A folder that only its owner may enter, like /root, with a project and a secret in it."""
    folder = Path(tempfile.mkdtemp(prefix="redes-closed-"))
    (folder / "project").mkdir()
    (folder / "project" / "file").write_text("read me")
    (folder / "secret").write_text("not me")
    yield folder
    shutil.rmtree(folder)


def run_dropped(*words: str, keep: list[Path], show: list[Path]) -> dict:
    keeps = [word for path in keep for word in ("--keep", str(path))]
    command = [
        sys.executable,
        drop.__file__,
        *words,
        *keeps,
        "--",
        sys.executable,
        "-c",
        TELL,
        *map(str, show),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout) | {"said": done.stderr}


@pytest.mark.root
def test_the_user_is_changed_for_good(tmp_path):
    told = run_dropped("--user", str(NOBODY), keep=[], show=[])
    assert told["uid"] == [64123] * 3
    assert told["groups"] in ([], [64123])
    assert int(told["caps"], 16) == 0


@pytest.mark.root
def test_below_a_closed_folder_only_what_is_kept_is_there(closed):
    project, secret = closed / "project", closed / "secret"
    told = run_dropped("--user", str(NOBODY), keep=[project], show=[project / "file", secret, drop.PROJECT])
    assert told["seen"] == {str(project / "file"): True, str(secret): False, str(drop.PROJECT): True}


@pytest.mark.root
def test_the_host_still_sees_its_folder(closed):
    run_dropped("--user", str(NOBODY), keep=[closed / "project"], show=[])
    assert (closed / "secret").read_text() == "not me"
    assert str(closed) not in Path("/proc/self/mountinfo").read_text()


@pytest.mark.root
def test_a_kept_folder_inside_another_stays_writable_in_place(closed):
    state = closed / "project" / "var"
    state.mkdir()
    os.chown(state, *NOBODY)
    write = f"open({str(state / 'note')!r}, 'w').write('here')"
    keeps = ["--keep", str(state), "--keep", str(closed / "project")]
    command = [
        sys.executable,
        drop.__file__,
        "--user",
        str(NOBODY),
        *keeps,
        "--",
        sys.executable,
        "-c",
        write,
    ]
    subprocess.run(command, check=True)
    assert (state / "note").read_text() == "here"


@pytest.mark.root
def test_an_unreadable_project_is_told_and_root_is_kept(closed):
    (closed / "project").chmod(0o700)
    told = run_dropped("--user", str(NOBODY), keep=[closed / "project"], show=[])
    assert told["uid"] == [0] * 3
    assert "staying root" in told["said"]
    assert "chmod -R go+rX" in told["said"]


@pytest.mark.root
def test_the_caller_of_sudo_is_chosen():
    assert drop.choose_ids({"SUDO_UID": "1000", "SUDO_GID": "1001"}) == drop.Ids(1000, 1001)


@pytest.mark.root
def test_root_who_called_sudo_gets_a_number_nobody_has():
    ids = drop.choose_ids({"SUDO_UID": "0", "SUDO_GID": "0"})
    assert ids.uid >= drop.FIRST_FREE_UID
    assert not drop._is_taken(ids.uid)


def test_the_topmost_closed_folder_is_found(closed):
    (closed / "project").chmod(0o700)
    assert drop.closed_ancestor(closed / "project" / "file", NOBODY) == closed
    assert drop.closed_ancestor(Path("/usr/bin"), NOBODY) is None


def test_the_owner_is_judged_by_the_bits_of_the_owner(closed):
    mine = drop.Ids(os.getuid(), os.getgid())
    assert drop.is_open(closed, mine)
    assert not drop.is_open(closed, NOBODY)


def test_one_who_is_no_root_has_nothing_to_give_up():
    """As in a container of one user, where everybody is called root."""
    tell = "from deploy.local import drop; print(drop.choose_ids())"
    command = ["unshare", "--user", "--map-root-user", sys.executable, "-c", tell]
    done = subprocess.run(command, cwd=drop.PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout == "None\n"
