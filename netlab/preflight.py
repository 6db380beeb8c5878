"""Can netlab run on this machine? Each question is answered by doing it, in a child that leaves nothing."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from netlab import linux, sandbox

_PROGRAMS = {
    "crun": "crun",
    "ip": "iproute2",
    "iptables-restore": "iptables",
    "tar": "tar",
    "nsenter": "util-linux",
    "umoci": "umoci",
}
_SYSCTLS = (
    (
        "user/max_user_namespaces",
        "0",
        "user namespaces are switched off",
        "sudo sysctl -w user.max_user_namespaces=15000",
    ),
    (
        "kernel/unprivileged_userns_clone",
        "0",
        "user namespaces are for root only on this kernel",
        "sudo sysctl -w kernel.unprivileged_userns_clone=1, or start netlab with sudo",
    ),
    (
        "kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "AppArmor bars user namespaces for ordinary users",
        "sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or start netlab with sudo",
    ),
)


@dataclass(frozen=True)
class Obstacle:
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.reason}. Remedy: {self.remedy}."


def check() -> Obstacle | None:
    """The first thing that keeps netlab from running here, or None."""
    return _not_linux() or _missing_programs() or _try_namespaces()


def _not_linux() -> Obstacle | None:
    if sys.platform == "linux":
        return None
    return Obstacle(
        "netlab needs the Linux kernel", "use a Linux machine or virtual machine, or set CLUSTER=kind"
    )


def _missing_programs() -> Obstacle | None:
    search = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    missing = sorted(
        {package for program, package in _PROGRAMS.items() if not shutil.which(program, path=search)}
    )
    if not missing:
        return None
    return Obstacle(
        f"missing on this machine: {', '.join(missing)}", f"sudo apt-get install {' '.join(missing)}"
    )


def _try_namespaces() -> Obstacle | None:
    told_r, told_w = os.pipe()

    def inside() -> int:
        try:
            _use_a_box()
        except (OSError, subprocess.CalledProcessError) as error:
            os.write(told_w, str(error).encode()[:500])
            return 1
        return 0

    try:
        needs = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).resolve().parents[1]]
        keeper = sandbox.start(inside, sandbox.choose_idmap(), needs=needs)
        _, status = os.waitpid(keeper, 0)
        os.close(told_w)
        told = os.read(told_r, 500).decode()
        return _explain(told or "the first process was ended") if status else None
    except (sandbox.SandboxError, OSError) as error:
        os.close(told_w)
        return _explain(str(error))
    finally:
        os.close(told_r)


def _use_a_box() -> None:
    """The acts everything else stands on: mounts, an overlay, a veth pair, a rule."""
    linux.mount("proc", "/proc", "proc", linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOEXEC)
    linux.mount("tmpfs", "/run", "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=755")
    for name in ("lower", "upper", "work", "merged"):
        Path("/run", name).mkdir()
    linux.mount(
        "overlay", "/run/merged", "overlay", 0, "lowerdir=/run/lower,upperdir=/run/upper,workdir=/run/work"
    )
    _command("ip", "link", "add", "netlab0", "type", "veth", "peer", "name", "netlab1")
    _command("iptables", "-t", "nat", "-A", "POSTROUTING", "-j", "MASQUERADE")


def _command(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    if done.returncode:
        raise OSError(f"{' '.join(argv)}: {done.stderr.strip()}")


def _explain(error: str) -> Obstacle:
    for path, value, reason, remedy in _SYSCTLS:
        if _sysctl(path) == value and not (os.getuid() == 0 and path.startswith("kernel/")):
            return Obstacle(f"{reason} ({error})", remedy)
    if _in_container():
        return Obstacle(
            f"this container lacks the right to make namespaces or mounts ({error})",
            "start it with --privileged, or run netlab on the host, or set CLUSTER to a kubeconfig",
        )
    return Obstacle(
        f"the kernel refused what netlab needs ({error})", "start netlab with sudo, or set CLUSTER=kind"
    )


def _sysctl(path: str) -> str | None:
    try:
        return Path("/proc/sys", path).read_text().strip()
    except OSError:
        return None


def _in_container() -> bool:
    marks = (Path("/.dockerenv"), Path("/run/.containerenv"))
    return any(mark.exists() for mark in marks) or bool(os.environ.get("container"))  # noqa: SIM112
