"""How many processes and how much memory a pod may take, by the best means this machine gives.

cgroup      one group for each pod and one in it for each container, where the launcher could make them
            (`netlab.cgroups`): there a container's own limits hold, and what it uses is counted
pid space   the kernel's pid_max for each container's own pid namespace (Linux 6.14 and later)
rlimit      a bound for all pods together: they share one user id. A fork bomb then stops other pods from
            forking too, but neither the server nor the host
"""

import os
from pathlib import Path

from netlab import cgroups
from netlab.schema.quantities import amount

POD_PROCESSES = 512
POD_MEMORY = 512 * 1024 * 1024
POD_DISK = 128 * 1024 * 1024
_ALL_PODS_PROCESSES = 4096
_PERIOD = 100_000  # microseconds over which a container's CPU is measured out
_LEAST_QUOTA = 1_000  # the kernel takes no less
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
        group = self._pod(uid)
        for directory in group.directories:
            directory.mkdir()
            _bound(directory, processes=POD_PROCESSES, memory=POD_MEMORY)
        cgroups.enable_below(group)

    def open_container(self, uid: str, run: str, limits: dict) -> None:
        """`run` names one run of one container; `limits` are its manifest's."""
        if self._group is None:
            return
        for directory in self._run(uid, run).directories:
            directory.mkdir()
            _bound(directory, memory=_bytes(limits.get("memory")), quota=_quota(limits.get("cpu")))
            _end_as_one(directory)

    def _pod(self, uid: str) -> cgroups.Group:
        return self._group.child(f"{cgroups.PODS}/pod{uid}")

    def _run(self, uid: str, run: str) -> cgroups.Group:
        return self._pod(uid).child(run)

    def entering(self, uid: str, run: str, argv: list[str]) -> list[str]:
        """The command that runs `argv` inside the container's group: all it starts is counted there."""
        if self._group is None:
            return argv
        files = [str(path / "cgroup.procs") for path in self._run(uid, run).directories]
        # $0 is the number of files; a shell costs 1 ms, a fork of this process with preexec_fn 3 ms.
        script = 'n=$0; while [ $n -gt 0 ]; do echo 0 > "$1" || exit 1; shift; n=$((n-1)); done; exec "$@"'
        return ["sh", "-c", script, str(len(files)), *files, *argv]

    def memory_kills(self, uid: str, run: str) -> int:
        """How often the kernel has killed a process for want of memory, its own or the whole pod's."""
        if self._group is None:
            return 0
        return sum(int(value) for key, value in self._facts(uid, run, _KILL_COUNTS) if key == "oom_kill")

    def usage(self, uid: str, run: str) -> tuple[float, int] | None:
        """Seconds of CPU since its start and bytes of memory now; None where no group counts them."""
        if self._group is None:
            return None
        numbers = {
            path.name: int(path.read_text())
            for directory in self._run(uid, run).directories
            for path in map(directory.joinpath, ("cpuacct.usage", "memory.current", "memory.usage_in_bytes"))
            if path.exists()
        }
        facts = dict(self._facts(uid, run, ("cpu.stat", "memory.stat")))
        nanoseconds = numbers.get("cpuacct.usage", 1000 * int(facts.get("usage_usec", 0)))
        held = numbers.get("memory.current", numbers.get("memory.usage_in_bytes"))
        if held is None:
            return None
        # The working set, as a kubelet reckons it: without files that nobody reads any more.
        idle = int(facts.get("total_inactive_file", facts.get("inactive_file", 0)))
        return nanoseconds / 1e9, max(held - idle, 0)

    def _facts(self, uid: str, run: str, names: tuple[str, ...]) -> list[list[str]]:
        """The lines `key value` of these files."""
        files = (path / name for path in self._run(uid, run).directories for name in names)
        return [line.split() for file in files if file.exists() for line in file.read_text().splitlines()]

    def close_container(self, uid: str, run: str) -> None:
        if self._group is not None:
            cgroups.remove(self._run(uid, run))

    def close_pod(self, uid: str) -> None:
        if self._group is not None:
            cgroups.remove(self._pod(uid))


def _find_group() -> cgroups.Group | None:
    unified = CGROUP_DIR / "unified"
    if unified.is_dir():
        return cgroups.Group(2, (unified,))
    trees = tuple(sorted(CGROUP_DIR.iterdir())) if CGROUP_DIR.is_dir() else ()
    return cgroups.Group(1, trees) if trees else None


def _bound(
    directory: Path, *, processes: int | None = None, memory: int | None = None, quota: int | None = None
) -> None:
    """Whatever of it this directory can bound: with v1 each controller has one of its own."""
    bounds = {
        "pids.max": processes,
        _memory_file(directory): memory,
        # Whoever takes more is killed, not swapped; with v1 this counts both together.
        "memory.swap.max": "0" if memory else None,
        "memory.memsw.limit_in_bytes": memory,
        "cpu.max": quota and f"{quota} {_PERIOD}",
        "cpu.cfs_quota_us": quota,  # its period is _PERIOD unless it is set
    }
    for name, value in bounds.items():
        if name and value and (directory / name).exists():
            (directory / name).write_text(str(value))


def _end_as_one(directory: Path) -> None:
    """A container out of memory ends whole, as a kubelet has it where the kernel can (v2)."""
    if (directory / "memory.oom.group").exists():
        (directory / "memory.oom.group").write_text("1")


def _memory_file(directory: Path) -> str | None:
    names = ("memory.max", "memory.limit_in_bytes")
    return next((name for name in names if (directory / name).exists()), None)


def _bytes(quantity: str | None) -> int | None:
    return int(amount(quantity)) if quantity else None


def _quota(cores: str | None) -> int | None:
    quota = int(amount(cores) * _PERIOD) if cores else 0
    return max(quota, _LEAST_QUOTA) if quota else None


def _has_pid_max_by_namespace() -> bool:
    major, minor = (int(part) for part in os.uname().release.split(".")[:2])
    return (major, minor) >= (6, 14)
