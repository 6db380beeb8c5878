"""A cgroup of our own for netlab's pods, where the launcher may make one.

Works with the unified hierarchy (v2) and with the old one (v1: one tree per controller). Root may make one at
the top. With v2 others may beside the group it is in, where systemd has given that place to the user: it
does with what a desktop starts and `systemd-run --user --scope`, but not with a session of ssh. Where no
cgroup can be made, pods are bounded by other means: see `netlab.node.limits`.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")
PODS = "pods"  # the group above every pod's own
_ALL_PODS_PROCESSES = 16384
_PREFIX = "netlab-"
# cpu: a busy pod gets one share, not one for each process. cpuacct exists in v1 only: v2 counts in cpu.
_CONTROLLERS = ("pids", "memory", "cpu", "cpuacct")


@dataclass(frozen=True)
class Group:
    """Directories of one group: with v2 a single one, with v1 one for each controller."""

    version: int
    directories: tuple[Path, ...]

    def child(self, name: str) -> "Group":
        return Group(self.version, tuple(path / name for path in self.directories))


def create(owner: tuple[int, int]) -> Group | None:
    """Make a group named after this process and give it to `owner`; None where that is not possible.

    It holds a group `server` already: with v2 a process may only be moved into a delegated tree from
    outside by who owns both, so the launcher puts the server there before it gives up its rights.
    """
    group = None
    try:
        base = _base()
        _remove_abandoned(base)
        group = _create_v2(base) if _is_unified() else _create_v1()
        for directory in group.directories:
            for path in (directory / "server", directory / PODS):
                path.mkdir()
                _give(path, owner)
            _give(directory, owner)
            _bound_all_pods(directory / PODS)
    except OSError:
        if group:
            remove(group)
        return None
    return group


def _is_unified() -> bool:
    return (ROOT / "cgroup.controllers").exists()


def _base() -> Path:
    """The group to make ours in. Raises OSError where none is ours to use."""
    if os.getuid() == 0 or not _is_unified():
        return ROOT
    lines = OWN_GROUP.read_text().splitlines()
    own = next(line.removeprefix("0::").strip("/") for line in lines if line.startswith("0::"))
    base = (ROOT / own).parent
    # Who may not write here could make groups perhaps, but not move the server into one.
    if not own or not os.access(base / "cgroup.procs", os.W_OK):
        raise PermissionError(f"{base} is not this user's")
    return base


def _bound_all_pods(directory: Path) -> None:
    """However many pods there are, half of the machine's memory stays free of them."""
    if (directory.parent / "cgroup.controllers").exists():
        _enable(directory)
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    bounds = {"pids.max": _ALL_PODS_PROCESSES, "memory.max": half, "memory.limit_in_bytes": half}
    for name, value in bounds.items():
        if (directory / name).exists():
            (directory / name).write_text(str(value))


def remove(group: Group) -> None:
    """Remove the group with its children. Processes must be gone, else the directory stays."""
    for directory in group.directories:
        _remove_tree(directory)


def enter(group: Group, pid: int) -> None:
    for directory in group.directories:
        (directory / "cgroup.procs").write_text(str(pid))


def _name() -> str:
    return f"{_PREFIX}{os.getpid()}"


def _create_v2(base: Path) -> Group:
    top = base / _name()
    _enable(base)
    top.mkdir()
    try:
        _enable(top)
    except OSError:
        _remove_tree(top)
        raise
    return Group(2, (top,))


def enable_below(group: Group) -> None:
    """With v2 a group says what is counted and bounded in its children; with v1 nothing need be said."""
    if group.version == 2:
        _enable(group.directories[0])


def _enable(directory: Path) -> None:
    """One by one: a kernel with real-time groups may refuse cpu, and all that is written with it."""
    offered = (directory / "cgroup.controllers").read_text().split()
    if "pids" not in offered:
        raise OSError("no pids controller")
    for name in _CONTROLLERS:
        if name in offered:
            with contextlib.suppress(OSError) if name != "pids" else contextlib.nullcontext():
                (directory / "cgroup.subtree_control").write_text(f"+{name}")


def _create_v1() -> Group:
    if not (ROOT / "pids/cgroup.procs").exists():
        raise OSError("no pids controller")
    present = [ROOT / name for name in _CONTROLLERS if (ROOT / name / "cgroup.procs").exists()]
    # Two controllers may share a tree, and the shorter name is then a link: each tree once.
    directories = tuple(dict.fromkeys(path.resolve() / _name() for path in present))
    for directory in directories:
        directory.mkdir()
    return Group(1, directories)


def _give(directory: Path, owner: tuple[int, int]) -> None:
    for path in (directory, directory / "cgroup.procs", directory / "cgroup.subtree_control"):
        if path.exists():
            os.chown(path, *owner)


def _remove_abandoned(base: Path) -> None:
    """A launcher killed outright cannot tidy; its empty groups are removed by the next one."""
    for top in (base, *(ROOT / name for name in _CONTROLLERS)):
        for path in top.glob(f"{_PREFIX}*"):
            if not Path(f"/proc/{path.name.removeprefix(_PREFIX)}").exists():
                _remove_tree(path)


def _remove_tree(directory: Path) -> None:
    try:
        for child in directory.iterdir():
            if child.is_dir():
                _remove_tree(child)
        directory.rmdir()
    except OSError:
        pass
