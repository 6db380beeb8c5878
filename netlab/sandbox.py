"""The box netlab lives in: one user namespace that owns all the other namespaces.

    caller ── keeper (host pid namespace, mapped identity) ── inside (pid 1 of the new pid namespace)

The keeper exists because a process cannot move itself into a new pid namespace: only its children are in it.
Each dies with its parent, so killing the caller by any means removes every process, mount and interface.

Which identities exist inside depends on who starts it:
  root            0..65535 inside are a free range of the host, so the inside is nobody on the host
  user + ranges   0 is the user, the rest are the user's /etc/subuid range (written by newuidmap)
  user            only 0 exists; `seccomp.pretend_identity_changes` lets programs run that change identity
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from netlab import linux, seccomp

IDS = 65536
_FIRST_BASE = 0x78000000  # above the ranges of login users, systemd-nspawn and most directories
# No cgroup namespace: from inside one the kernel would not let the server sort its pods into groups.
NAMESPACES = linux.CLONE_NEWNET | linux.CLONE_NEWPID | linux.CLONE_NEWIPC | linux.CLONE_NEWUTS


class SandboxError(Exception):
    """The namespaces could not be made; the message is a sentence for the user."""


@dataclass(frozen=True)
class IdMap:
    """How ids inside the sandbox are ids of the host: (inside, outside, count) each."""

    kind: str  # "root", "ranges" or "single"
    uids: tuple[tuple[int, int, int], ...]
    gids: tuple[tuple[int, int, int], ...]

    @property
    def root_uid(self) -> int:
        return self.uids[0][1]

    @property
    def root_gid(self) -> int:
        return self.gids[0][1]

    @property
    def tag(self) -> str:
        """Names files whose owners are only right for this map."""
        return _tag(outside for _, outside, _ in self.uids)


def tag_inside() -> str:
    """The tag of the map this process lives under."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    return _tag(int(line.split()[1]) for line in lines)


def count_ids_inside() -> int:
    """How many user ids exist in this process's user namespace."""
    return sum(int(line.split()[2]) for line in Path("/proc/self/uid_map").read_text().splitlines())


def _tag(outside_ids: Iterable[int]) -> str:
    return "-".join(str(number) for number in outside_ids)


def choose_idmap() -> IdMap:
    uid, gid = os.getuid(), os.getgid()
    if uid == 0:
        base = _free_base(_taken_ranges("/etc/subuid") + _taken_ranges("/etc/subgid"))
        return IdMap("root", ((0, base, IDS),), ((0, base, IDS),))
    subuid, subgid = _own_range("/etc/subuid", uid), _own_range("/etc/subgid", uid)
    if subuid and subgid and shutil.which("newuidmap") and shutil.which("newgidmap"):
        return IdMap("ranges", ((0, uid, 1), (1, *subuid)), ((0, gid, 1), (1, *subgid)))
    return IdMap("single", ((0, uid, 1),), ((0, gid, 1),))


def _subid_lines(path: str) -> list[tuple[str, int, int]]:
    try:
        lines = Path(path).read_text().splitlines()
    except FileNotFoundError:
        return []
    fields = [line.split(":") for line in lines if line.count(":") == 2]
    return [(name, int(first), int(count)) for name, first, count in fields]


def _taken_ranges(path: str) -> list[tuple[int, int]]:
    return [(first, count) for _, first, count in _subid_lines(path)]


def _free_base(taken: Iterable[tuple[int, int]]) -> int:
    used = [*taken, *((user.pw_uid, 1) for user in pwd.getpwall())]
    base = _FIRST_BASE
    while any(first < base + IDS and base < first + count for first, count in used):
        base += IDS
    return base


def _own_range(path: str, uid: int) -> tuple[int, int] | None:
    try:
        names = {str(uid), pwd.getpwuid(uid).pw_name}
    except KeyError:
        names = {str(uid)}
    ranges = [(first, count) for name, first, count in _subid_lines(path) if name in names]
    return max(ranges, key=lambda one: one[1], default=None)


def start(
    inside: Callable[[], int],
    idmap: IdMap,
    *,
    namespaces: int = NAMESPACES,
    needs: Iterable[Path] = (),
    place: Callable[[int], None] | None = None,
) -> int:
    """Run `inside` as root of new namespaces and return the keeper's pid; wait for that with `os.waitpid`.

    `needs` are host paths the inside must reach although a directory above them may be private to root.
    `place` gets the keeper's pid while it waits: what it does with it holds for all that comes after.
    Call it from a single-threaded process: it forks. Raises SandboxError.
    """
    caller = os.getpid()
    entered_r, entered_w = os.pipe()
    mapped_r, mapped_w = os.pipe()
    keeper = os.fork()
    if keeper == 0:
        os.close(entered_r)
        os.close(mapped_w)
        os._exit(_keep(inside, idmap, namespaces, list(needs), caller, entered_w, mapped_r))
    os.close(entered_w)
    os.close(mapped_r)
    try:
        _map_from_outside(keeper, idmap, entered_r)
        if place:
            place(keeper)
        os.write(mapped_w, b"m")
    except BaseException:
        os.kill(keeper, signal.SIGKILL)
        os.waitpid(keeper, 0)
        raise
    finally:
        os.close(entered_r)
        os.close(mapped_w)
    return keeper


def _map_from_outside(keeper: int, idmap: IdMap, entered: int) -> None:
    said = os.read(entered, 500).decode()
    if said != "entered":
        raise SandboxError(said or "the sandbox ended before it began")
    try:
        _write_maps(keeper, idmap)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", b"") or b""
        raise SandboxError(
            f"writing the id maps failed: {error} {detail.decode(errors='replace')}"
        ) from error


def _write_maps(pid: int, idmap: IdMap) -> None:
    if idmap.kind == "ranges":
        for tool, ranges in (("newuidmap", idmap.uids), ("newgidmap", idmap.gids)):
            numbers = [str(number) for one in ranges for number in one]
            subprocess.run([tool, str(pid), *numbers], check=True, capture_output=True)
        return
    if idmap.kind == "single":
        Path(f"/proc/{pid}/setgroups").write_text("deny")
    for name, ranges in (("uid_map", idmap.uids), ("gid_map", idmap.gids)):
        Path(f"/proc/{pid}/{name}").write_text("\n".join(" ".join(map(str, one)) for one in ranges))


def _keep(inside, idmap, namespaces, needs, caller, entered, mapped) -> int:
    os.setsid()  # Ctrl-C is for the caller, which ends us in order
    try:
        linux.die_with_parent(caller)
        if idmap.kind == "root":
            _open_the_way(needs)
        linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS | namespaces)
    except OSError as error:
        os.write(entered, str(error).encode()[:500])
        return 1
    os.write(entered, b"entered")
    os.close(entered)
    if os.read(mapped, 1) != b"m":
        return 1
    os.close(mapped)
    _become_root(idmap)
    linux.die_with_parent(caller)
    return _run_first_process(inside)


def _become_root(idmap: IdMap) -> None:
    if idmap.kind != "single":
        os.setgroups([])
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    linux.prctl(linux.PR_SET_DUMPABLE, 1)
    if idmap.kind == "single":
        seccomp.pretend_identity_changes()


def _run_first_process(inside: Callable[[], int]) -> int:
    keeper_r, keeper_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(keeper_w)
        os._exit(_first_process(inside, keeper_r))
    os.close(keeper_r)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(child, signal.SIGTERM))
    os.write(keeper_w, b"k")
    os.close(keeper_w)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) & 0xFF


def _first_process(inside: Callable[[], int], keeper: int) -> int:
    # The parent's pid reads 0 from inside a new pid namespace; the pipe proves that it lives.
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.read(keeper, 1) != b"k":
        return 1
    os.close(keeper)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    try:
        linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
        return inside()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - a forked child must never return into its parent's code
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _open_the_way(needs: list[Path]) -> None:
    """In a mount namespace of our own, make `needs` reachable for a user who is nobody on the host.

    A checkout below /root (mode 0700) is the common case: the private directory is covered by an empty
    tmpfs in which only the needed paths are mounted again, under their own names.
    """
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    blocked: dict[Path, list[tuple[Path, int]]] = {}
    for path in needs:
        barrier = _first_private_parent(path)
        if barrier:
            blocked.setdefault(barrier, []).append((path, os.open(path, os.O_PATH)))
    for barrier, paths in blocked.items():
        linux.mount("tmpfs", str(barrier), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755,size=1m")
        for path, fd in sorted(paths):
            _mount_again(path, fd)


def _first_private_parent(path: Path) -> Path | None:
    for parent in reversed(path.parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return parent
    return None


def _mount_again(path: Path, fd: int) -> None:
    if path.exists():  # inside another needed path, mounted just before
        os.close(fd)
        return
    path.mkdir(parents=True, mode=0o755)
    linux.bind(f"/proc/self/fd/{fd}", str(path), recursive=True)
    os.close(fd)
