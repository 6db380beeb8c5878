"""Give up root for good, then run a command: `drop.py --user UID:GID [--keep FOLDER]... -- COMMAND...`

The project, or the Python it runs with, may lie below a folder only root may enter (/root is 0700,
and pyenv lives there). Instead of opening that folder on the host, the command gets a mount
namespace of its own, in which the closed folder is an empty read-only tmpfs that holds nothing but
bind mounts of what is needed, under the same paths. Then groups, group and user are changed.
"""

import argparse
import ctypes
import grp
import os
import pwd
import stat
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.lifeline import die_with_parent, wished_death_signal  # noqa: E402

CLONE_NEWNS = 0x20000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_REMOUNT = 1, 2, 4, 32
MS_BIND, MS_REC, MS_SLAVE = 0x1000, 0x4000, 0x80000
FIRST_FREE_UID = 64100
_libc = ctypes.CDLL(None, use_errno=True)


class Ids(NamedTuple):
    """A numeric user and group; they need no entry in the passwd file."""

    uid: int
    gid: int

    @classmethod
    def parse(cls, text: str) -> "Ids":
        uid, gid = text.split(":")
        return cls(int(uid), int(gid))

    def __str__(self) -> str:
        return f"{self.uid}:{self.gid}"


class CannotDrop(Exception):
    """The command cannot run unprivileged here; the text says why and what would help."""


def choose_ids(environ: Mapping[str, str] = os.environ) -> Ids | None:
    """Whom root should become: the user who called sudo, else a number nobody has.

    None when we are no root: in a user namespace of one user, "root" has nothing to give up.
    """
    if os.geteuid() != 0 or not _is_mapped(FIRST_FREE_UID):
        return None
    if int(environ.get("SUDO_UID", "0")) > 0:
        return Ids(int(environ["SUDO_UID"]), int(environ["SUDO_GID"]))
    uid = FIRST_FREE_UID
    while _is_taken(uid):
        uid += 1
    return Ids(uid, uid)


def _is_mapped(number: int) -> bool:
    maps = (map(int, line.split()) for line in Path("/proc/self/uid_map").read_text().splitlines())
    return any(first <= number < first + count for first, _, count in maps)


def _is_taken(number: int) -> bool:
    known = number in {user.pw_uid for user in pwd.getpwall()} | {group.gr_gid for group in grp.getgrall()}
    return known or any(number in given for given in _subordinate_ranges())


def _subordinate_ranges() -> Iterable[range]:
    for path in (Path("/etc/subuid"), Path("/etc/subgid")):
        for line in path.read_text().splitlines() if path.exists() else ():
            _, first, count = line.split(":")
            yield range(int(first), int(first) + int(count))


def needed_folders() -> list[Path]:
    """The project and this interpreter's prefix, as they are called and as they really are."""
    called = [PROJECT, Path(sys.base_prefix)]
    return list(dict.fromkeys([*called, *(folder.resolve() for folder in called)]))


def is_open(folder: Path, ids: Ids, right: int = stat.S_IXOTH) -> bool:
    """May `ids` use `folder` with this right (given as the bit for others)?"""
    status = folder.stat()
    if status.st_uid == ids.uid:
        return bool(status.st_mode & right << 6)
    if status.st_gid == ids.gid:
        return bool(status.st_mode & right << 3)
    return bool(status.st_mode & right)


def closed_ancestor(folder: Path, ids: Ids) -> Path | None:
    """The topmost folder on the way to `folder` that `ids` may not pass."""
    return next((above for above in reversed(folder.parents) if not is_open(above, ids)), None)


def drop(ids: Ids, keep: Iterable[Path]) -> None:
    """Become `ids` for ever, with every folder of `keep` still reachable.

    Raises CannotDrop, with nothing changed but perhaps the mount namespace, when that is not possible.
    """
    keep = list(keep)
    _require_readable(keep, ids)
    _open_the_way(keep, ids)
    death_signal, parent = wished_death_signal(), os.getppid()
    os.setgroups(_groups_of(ids))
    os.setgid(ids.gid)
    os.setuid(ids.uid)
    if death_signal:
        die_with_parent(death_signal, parent)


def _groups_of(ids: Ids) -> list[int]:
    """A person keeps their groups (docker's, perhaps); a bare number has none."""
    try:
        return os.getgrouplist(pwd.getpwuid(ids.uid).pw_name, ids.gid)
    except KeyError:
        return []


def _require_readable(keep: list[Path], ids: Ids) -> None:
    for folder in keep:
        if not (is_open(folder, ids) and is_open(folder, ids, stat.S_IROTH)):
            raise CannotDrop(f"user {ids.uid} may not read {folder}; `chmod -R go+rX {folder}` would let it")


def _open_the_way(keep: list[Path], ids: Ids) -> None:
    below: dict[Path, list[Path]] = {}
    for folder in keep:
        if closed := closed_ancestor(folder, ids):
            below.setdefault(closed, []).append(folder)
    if not below:
        return
    try:
        _call("unshare", CLONE_NEWNS)
        _mount(None, Path("/"), None, MS_SLAVE | MS_REC)
        for closed, folders in below.items():
            _replace(closed, folders)
    except OSError as error:
        raise CannotDrop(
            f"{', '.join(map(str, below))} cannot be opened for user {ids.uid}: {error}"
        ) from error


def _replace(closed: Path, folders: list[Path]) -> None:
    """Mount an empty folder over `closed` and show only `folders` in it, outer ones before inner ones."""
    held = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in sorted(folders)}
    _mount("tmpfs", closed, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for folder, descriptor in held.items():
        if not folder.exists():
            _make_folders(folder, below=closed)
            _mount(f"/proc/self/fd/{descriptor}", folder, None, MS_BIND | MS_REC)
        os.close(descriptor)
    _mount(None, closed, None, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, "mode=755,size=1m")


def _make_folders(folder: Path, *, below: Path) -> None:
    for part in [*reversed(folder.parents), folder]:
        if part.is_relative_to(below) and not part.exists():
            part.mkdir()
            part.chmod(0o755)


def _mount(source: str | None, target: Path, kind: str | None, flags: int, data: str | None = None) -> None:
    words = [word.encode() if word is not None else None for word in (source, str(target), kind, data)]
    _call("mount", words[0], words[1], words[2], ctypes.c_ulong(flags), words[3])


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def become(ids: Ids, command: list[str], *, keep: Iterable[Path] = (), home: Path | None = None) -> None:
    """Replace this process by `command`, run as `ids`. Stays root, and says so, where it must."""
    try:
        drop(ids, [*needed_folders(), *keep])
    except CannotDrop as reason:
        print(f"warning: staying root, because {reason}", file=sys.stderr, flush=True)
    os.environ.update({"HOME": str(home or "/"), "USER": "redes", "LOGNAME": "redes"})
    os.execvp(command[0], command)


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--user", type=Ids.parse, default=None)
    parser.add_argument("--keep", type=Path, action="append", default=[])
    parser.add_argument("--home", type=Path)
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args(argv)
    ids = wanted.user or choose_ids()
    if ids is None:
        os.execvp(wanted.command[0], wanted.command)
    become(ids, wanted.command, keep=wanted.keep, home=wanted.home)


if __name__ == "__main__":
    main(sys.argv[1:])
