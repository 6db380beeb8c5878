"""How many processes and how much memory a pod may take, by the best means this machine gives.

cgroup      one group for each pod, where the launcher is root and could make one
pid space   the kernel's pid_max for each container's own pid namespace (Linux 6.14 and later)
rlimit      a bound for all pods together: they share one user id. A fork bomb then stops other pods from
            forking too, but neither the server nor the host
"""

import os
from pathlib import Path

from netlab import cgroups

POD_PROCESSES = 512
POD_MEMORY = 512 * 1024 * 1024
POD_DISK = 128 * 1024 * 1024
_ALL_PODS_PROCESSES = 4096
_KILL_COUNTS = ("memory.events", "memory.oom_control")  # of cgroups v2 and v1
CGROUP_DIR = Path("/run/netlab/cgroup")


class Limits:
    def __init__(self):
        self._group = _find_group()
        self.kind = "cgroup" if self._group else "pid space" if _has_pid_max_by_namespace() else "rlimit"

    @property
    def process_limit(self) -> int | None:
        """For RLIMIT_NPROC; None where a better bound holds."""
        return _ALL_PODS_PROCESSES if self.kind == "rlimit" else None

    @property
    def hooks(self) -> dict:
        """OCI hooks that bound the container from inside its own pid namespace."""
        if self.kind != "pid space":
            return {}
        command = f"echo {POD_PROCESSES} > /proc/sys/kernel/pid_max"
        return {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", command]}]}

    def describe(self) -> str:
        if self.kind == "rlimit":
            return f"rlimit: {_ALL_PODS_PROCESSES} processes in all pods together; memory unbounded"
        memory = f"{POD_MEMORY >> 20} MiB" if self._has_memory() else "unbounded"
        scope = "pod" if self.kind == "cgroup" else "container"
        return f"{self.kind}: {POD_PROCESSES} processes in each {scope}; memory {memory}"

    def _has_memory(self) -> bool:
        return bool(self._group) and any(_memory_file(path) for path in self._group.directories)

    def open_pod(self, uid: str) -> None:
        if self._group is None:
            return
        for directory in self._pod(uid).directories:
            directory.mkdir()
            _set(directory / "pids.max", POD_PROCESSES)
            if name := _memory_file(directory):
                _set(directory / name, POD_MEMORY)

    def _pod(self, uid: str) -> cgroups.Group:
        return self._group.child(f"{cgroups.PODS}/pod{uid}")

    def entering(self, uid: str, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside the pod's group, so that all it starts is counted there."""
        if self._group is None:
            return argv
        files = [str(path / "cgroup.procs") for path in self._pod(uid).directories]
        # $0 is the number of files; a shell costs 1 ms, a fork of this process with preexec_fn 3 ms.
        script = 'n=$0; while [ $n -gt 0 ]; do echo 0 > "$1" || exit 1; shift; n=$((n-1)); done; exec "$@"'
        return ["sh", "-c", script, str(len(files)), *files, *argv]

    def memory_kills(self, uid: str) -> int:
        """How often the kernel has killed a process of the pod for want of memory."""
        if self._group is None:
            return 0
        files = (path / name for path in self._pod(uid).directories for name in _KILL_COUNTS)
        lines = [line.split() for file in files if file.exists() for line in file.read_text().splitlines()]
        return sum(int(value) for key, value in lines if key == "oom_kill")

    def close_pod(self, uid: str) -> None:
        if self._group is not None:
            cgroups.remove(self._pod(uid))


def _find_group() -> cgroups.Group | None:
    unified = CGROUP_DIR / "unified"
    if unified.is_dir():
        return cgroups.Group(2, (unified,))
    trees = tuple(sorted(CGROUP_DIR.iterdir())) if CGROUP_DIR.is_dir() else ()
    return cgroups.Group(1, trees) if trees else None


def _memory_file(directory: Path) -> str | None:
    names = ("memory.max", "memory.limit_in_bytes")
    return next((name for name in names if (directory / name).exists()), None)


def _set(path: Path, value: int) -> None:
    if path.exists():
        path.write_text(str(value))


def _has_pid_max_by_namespace() -> bool:
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    return (major, minor) >= (6, 14)
