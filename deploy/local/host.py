"""What the machine itself must bring: Linux and a few packages of the distribution.

Nothing installed here starts a daemon. Without the rights to install, the missing packages are named
together with the command that installs them.
"""

import os
import platform
import pwd
import shutil
import subprocess
from pathlib import Path

FOR_NETLAB = ("crun", "iproute2", "iptables", "nftables", "mmdebstrap", "uidmap", "skopeo", "umoci")
FOR_TESTS = ("git",)
_PLAIN = os.environ | {"LC_ALL": "C"}
NO_LINUX = """\
netlab, the teaching cluster that comes with the portal, needs the Linux kernel;
this is {system}. Instead, either
  - install Docker and kind, then: make kind && make run CLUSTER=kind
  - or use a cluster you have: make run CLUSTER=/path/to/kubeconfig
  - or run everything in a Linux virtual machine (Debian 12 or Ubuntu 24.04)."""


class HostProblem(Exception):
    """The machine lacks something; the text says what, and what to type."""


def require_linux(cluster: str, system: str = platform.system()) -> None:
    if cluster == "netlab" and system != "Linux":
        raise HostProblem(NO_LINUX.format(system={"Darwin": "macOS"}.get(system, system)))


def missing_packages(*, netlab: bool, tests: bool) -> list[str]:
    wanted = [*(FOR_NETLAB if netlab else ()), *(FOR_TESTS if tests else ())]
    missing = [package for package in wanted if not is_installed(package)]
    if tests and find_browser() is None and apt_has("chromium"):
        missing.append("chromium")
    return missing


def find_browser() -> Path | None:
    """The Chromium of the distribution, else the one Playwright has fetched.

    Ubuntu's chromium-browser is left aside: it only starts a snap, which no test can drive.
    """
    own = shutil.which("chromium") or shutil.which("google-chrome")
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    fetched = sorted(cache.glob("chromium-*/chrome-linux*/chrome"))
    return Path(own) if own else next(iter(fetched[-1:]), None)


def apt_has(package: str) -> bool:
    """Can apt install it? Ubuntu knows chromium by name only."""
    asked = subprocess.run(["apt-cache", "policy", package], capture_output=True, text=True, env=_PLAIN)
    return "Candidate:" in asked.stdout and "Candidate: (none)" not in asked.stdout


def is_installed(package: str) -> bool:
    """True as well where there is no dpkg: netlab's own preflight then tells what is missing."""
    if not shutil.which("dpkg-query"):
        return True
    asked = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", package]
    return subprocess.run(asked, capture_output=True, text=True).stdout == "installed"


def install(packages: list[str]) -> None:
    """Raises HostProblem, naming the packages, without the rights or when apt fails."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    by_hand = f"sudo {' '.join(command)}"
    prefix = _root_prefix()
    if prefix is None:
        raise HostProblem(
            f"these packages are missing: {' '.join(packages)}. Install them, then try again:\n  {by_hand}"
        )
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    patient = ["-q", "-o", "DPkg::Lock::Timeout=120"]
    for words in (["apt-get", "update"], command):
        done = subprocess.run([*prefix, *words, *patient], env=environment, capture_output=True, text=True)
        if done.returncode:
            raise HostProblem(f"`{' '.join(words)}` failed:\n{(done.stderr or done.stdout)[-2000:]}")


def _root_prefix() -> list[str] | None:
    """What to put before a command so that it runs as root; None when we may not."""
    if os.geteuid() == 0:
        return []
    able = (
        shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True).returncode == 0
    )
    return ["sudo", "-n", "DEBIAN_FRONTEND=noninteractive"] if able else None


def become_owner(project: Path, environ: os._Environ[str] = os.environ) -> None:
    """Under sudo, go on as the user who called it, so that what is made in their project is theirs."""
    uid = int(environ.get("SUDO_UID", "0"))
    if os.geteuid() != 0 or uid == 0 or project.stat().st_uid != uid:
        return
    user = pwd.getpwuid(uid)
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(uid)
    environ.update({"HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name})
