"""The OCI runtime configuration of a container, made from plain facts. Pure: no kernel, no store."""

from dataclasses import dataclass, field, replace
from pathlib import Path

# containerd's default set; NET_RAW is in it, so ping works in any pod.
DEFAULT_CAPABILITIES = frozenset(
    {
        "CAP_AUDIT_WRITE",
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_NET_RAW",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    }
)
ALL_CAPABILITIES = DEFAULT_CAPABILITIES | {
    "CAP_AUDIT_CONTROL",
    "CAP_AUDIT_READ",
    "CAP_BLOCK_SUSPEND",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
    "CAP_DAC_READ_SEARCH",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_LEASE",
    "CAP_LINUX_IMMUTABLE",
    "CAP_MAC_ADMIN",
    "CAP_MAC_OVERRIDE",
    "CAP_NET_ADMIN",
    "CAP_NET_BROADCAST",
    "CAP_PERFMON",
    "CAP_SYSLOG",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_MODULE",
    "CAP_SYS_NICE",
    "CAP_SYS_PACCT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_WAKE_ALARM",
}
_MASKED = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
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


def _names(listed: list[str] | None) -> frozenset[str]:
    return frozenset("CAP_" + name.upper().removeprefix("CAP_") for name in listed or [])


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
