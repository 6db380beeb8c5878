"""The OCI runtime configuration of a container, made from plain facts. Pure: no kernel, no store."""

from dataclasses import dataclass, field, replace
from pathlib import Path


def _names(listed: list[str] | None) -> frozenset[str]:
    return frozenset("CAP_" + name.upper().removeprefix("CAP_") for name in listed or [])


# containerd's default set; NET_RAW is in it, so ping works in any pod.
_DEFAULT = """
AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP SETUID
SYS_CHROOT
"""
_FURTHER = """
AUDIT_CONTROL AUDIT_READ BLOCK_SUSPEND BPF CHECKPOINT_RESTORE DAC_READ_SEARCH IPC_LOCK IPC_OWNER LEASE
LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE NET_ADMIN NET_BROADCAST PERFMON SYSLOG SYS_ADMIN SYS_BOOT SYS_MODULE
SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM
"""
DEFAULT_CAPABILITIES = _names(_DEFAULT.split())
ALL_CAPABILITIES = DEFAULT_CAPABILITIES | _names(_FURTHER.split())
_MASKED = [
    f"/proc/{name}" for name in ["acpi", "asound", "kcore", "keys", "latency_stats", "sched_debug", "scsi"]
]
_MASKED += ["/proc/timer_list", "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap"]
_READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
_TTY_GROUP = 5


@dataclass(frozen=True)
class Mount:
    source: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Plan:
    """All that decides how a container starts."""

    argv: list[str]
    env: dict[str, str]
    root: Path
    namespaces: dict[str, Path]  # "network", "ipc", "uts", a target's "pid" -> the namespace to join
    mounts: list[Mount]
    security: dict = field(default_factory=dict)  # the merged pod and container securityContext
    working_dir: str = "/"
    tty: bool = False
    tty_group: bool = True  # whether the group `tty` exists in the user namespace
    process_limit: int | None = None
    limits: dict = field(default_factory=dict)  # of the container's `resources`
    hooks: dict = field(default_factory=dict)


def capabilities(security: dict) -> frozenset[str]:
    """The set a container gets: containerd's default, minus `drop`, plus `add`; everything if privileged."""
    if security.get("privileged"):
        return ALL_CAPABILITIES
    wanted = security.get("capabilities") or {}
    drop, add = _names(wanted.get("drop")), _names(wanted.get("add"))
    kept = frozenset() if "CAP_ALL" in drop else DEFAULT_CAPABILITIES - drop
    return ALL_CAPABILITIES if "CAP_ALL" in add else kept | (add & ALL_CAPABILITIES)


def oci_config(plan: Plan) -> dict:
    privileged = bool(plan.security.get("privileged"))
    return {
        "ociVersion": "1.0.2",
        "root": {"path": str(plan.root), "readonly": bool(plan.security.get("readOnlyRootFilesystem"))},
        "process": _process(plan),
        "mounts": _system_mounts(plan) + [_bind(mount) for mount in plan.mounts],
        "hooks": plan.hooks,
        "linux": {
            "namespaces": [
                *({"type": kind} for kind in ("pid", "cgroup", "mount") if kind not in plan.namespaces),
                *({"type": kind, "path": str(path)} for kind, path in plan.namespaces.items()),
            ],
            "maskedPaths": [] if privileged else list(_MASKED),
            "readonlyPaths": [] if privileged else list(_READ_ONLY),
        },
    }


def exec_process(plan: Plan, argv: list[str], *, tty: bool) -> dict:
    """A further process in a container: its user, rights and environment are the container's."""
    env = {**plan.env, **({"TERM": "xterm"} if tty and "TERM" not in plan.env else {})}
    return _process(replace(plan, argv=argv, env=env, tty=tty))


def _process(plan: Plan) -> dict:
    user, group = plan.security.get("runAsUser") or 0, plan.security.get("runAsGroup") or 0
    granted = sorted(capabilities(plan.security))
    # As on a real node: a process that is not root gets the capabilities only as a bound, not in its hands.
    held = granted if user == 0 else []
    limits = [{"type": "RLIMIT_NPROC", "soft": plan.process_limit, "hard": plan.process_limit}]
    return {
        "terminal": plan.tty,
        "user": {"uid": user, "gid": group, "additionalGids": _groups(plan.security)},
        "args": plan.argv,
        "env": [f"{name}={value}" for name, value in plan.env.items()],
        "cwd": plan.working_dir,
        "capabilities": {"bounding": granted, "effective": held, "permitted": held},
        "noNewPrivileges": plan.security.get("allowPrivilegeEscalation") is False,
        "rlimits": limits if plan.process_limit else [],
    }


def _groups(security: dict) -> list[int]:
    groups = list(security.get("supplementalGroups") or [])
    return [*groups, security["fsGroup"]] if security.get("fsGroup") else groups


def _system_mounts(plan: Plan) -> list[dict]:
    terminals = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    if plan.tty_group:
        terminals.append(f"gid={_TTY_GROUP}")
    guarded = ["nosuid", "noexec", "nodev"]
    sys_mode = "rw" if plan.security.get("privileged") else "ro"
    return [
        _mount("/proc", "proc", guarded),
        _mount("/dev", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=64k"]),
        _mount("/dev/pts", "devpts", terminals),
        _mount("/dev/shm", "tmpfs", [*guarded, "mode=1777", "size=16m"]),  # noqa: S108 - the container's own
        _mount("/dev/mqueue", "mqueue", guarded),
        _mount("/sys", "sysfs", [*guarded, sys_mode]),
    ]


def _mount(target: str, kind: str, options: list[str]) -> dict:
    return {"destination": target, "type": kind, "source": kind, "options": options}


def _bind(mount: Mount) -> dict:
    options = ["rbind", "rprivate", "nosuid", "nodev", "ro" if mount.read_only else "rw"]
    return {"destination": mount.target, "type": "bind", "source": str(mount.source), "options": options}
