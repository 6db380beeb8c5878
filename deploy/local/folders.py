"""The state folder of a local run: what lies where, who owns it, and the lock that says it is in use.

Started by root, the portal runs as an ordinary user while netlab keeps root. Root must then never
write through names the user could swap, so the state folder itself stays root's and is sticky: the
user may add and remove their own things in it, but not netlab's.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from deploy.local.drop import Ids
from portal.options import database_file

ROOTS_OWN = {"netlab", "netlabs", "clusters", "images", "setup", "up.lock", "up.log"}
BUILT = {"images", "setup"}  # read here, written only by the set-up
KNOWN_BY = {"secret_key", "portal.sqlite3", "database", "setup", "images", "up.lock", "up.log"}
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes; the longest name we add is 16


class FolderError(Exception):
    """The state folder cannot be used; the text says why and what to do."""


@dataclass(frozen=True)
class Folders:
    state: Path

    @property
    def log(self) -> Path:
        return self.state / "log"

    @property
    def redis(self) -> Path:
        return self.state / "redis"

    @property
    def home(self) -> Path:
        return self.state / "home"

    @property
    def netlab(self) -> Path:
        return self.state / "netlab"

    @property
    def netlabs(self) -> Path:
        """Netlabs of their own, for sessions that need a whole cluster."""
        return self.state / "netlabs"

    @property
    def run(self) -> Path:
        """Where sockets lie: in the state folder, or in /tmp when that path is too long for a socket."""
        inside = self.state / "run"
        if len(os.fsencode(inside)) + len("/supervisor.sock.12345") <= LONGEST_SOCKET_PATH:
            return inside
        return Path("/tmp") / f"redes-{hashlib.sha256(os.fsencode(self.state)).hexdigest()[:12]}"  # noqa: S108

    def make_state(self, ids: Ids | None) -> None:
        """Make the state folder; with `ids`, share it between root and them. Raises FolderError."""
        self.state.mkdir(parents=True, exist_ok=True)
        if ids is None:
            return self._require_writable()
        self._require_ours()
        os.chown(self.state, 0, ids.gid)
        self.state.chmod(0o1771)
        for folder in (self.netlab, self.netlabs):
            if folder.exists() and folder.lstat().st_uid != 0:
                # An ordinary user's, from a run without root: nothing for root to trust.
                shutil.rmtree(folder)
        self.netlab.mkdir(exist_ok=True)
        for path in self.state.iterdir():
            if path.name not in ROOTS_OWN:
                _give(path, ids)

    def _require_writable(self) -> None:
        needed = [self.state, *(path for path in self.state.iterdir() if path.name not in BUILT)]
        if not all(os.access(path, os.W_OK) for path in needed):
            raise FolderError(
                f"{self.state} was made by another user (root, perhaps): run with sudo, or choose STATE_DIR="
            )

    def _require_ours(self) -> None:
        """Root is about to change owners in there: a mistyped STATE_DIR must not cost anybody their files."""
        names = {path.name for path in self.state.iterdir()}
        if names and not names & KNOWN_BY:
            raise FolderError(f"STATE_DIR={self.state} holds other files; name an empty folder or a new one")

    def make_rest(self) -> None:
        """Make the folders of the processes, as the user who runs them. Raises FolderError."""
        for folder in (self.log, self.redis, self.home, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = self.run.lstat()
        if status.st_uid != os.getuid() or status.st_mode & 0o077:
            raise FolderError(f"{self.run} belongs to somebody else or is open to others: remove it")
        self._move_database()

    def _move_database(self) -> None:
        """From where earlier versions kept it; what SQLite has beside it goes first."""
        before = database_file(self.state)
        if before.parent == self.state:
            folder = self.state / "database"
            folder.mkdir(mode=0o700, exist_ok=True)
            for ending in ("-wal", "-shm", ""):
                with contextlib.suppress(FileNotFoundError):
                    before.with_name(before.name + ending).rename(folder / (before.name + ending))

    def clear_run(self) -> None:
        """Remove what an ended run leaves: nothing in here outlives the processes."""
        shutil.rmtree(self.run, ignore_errors=True)


def _give(path: Path, ids: Ids) -> None:
    """Hand a file or a whole folder to `ids`, never following a link."""
    os.chown(path, ids.uid, ids.gid, follow_symlinks=False)
    if path.is_symlink() or not path.is_dir():
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(os.path.join(folder, name), ids.uid, ids.gid, follow_symlinks=False)


class Lock:
    """The file that says which run uses a state folder. The kernel lets go of it however that run ends."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    @classmethod
    def take(cls, state: Path) -> "Lock":
        """Raises FolderError, saying who holds it."""
        descriptor = os.open(state / "up.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 200, 0).decode(errors="replace").strip()
            os.close(descriptor)
            raise FolderError(
                f"The portal already runs here ({holder or 'starting'}). "
                "End it with Ctrl-C there, or use another folder: make run STATE_DIR=var2 PORT=8001"
            ) from None
        lock = cls(descriptor)
        lock.say(f"pid {os.getpid()}")
        return lock

    def say(self, text: str) -> None:
        os.ftruncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{text}\n".encode(), 0)
