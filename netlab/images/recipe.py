"""What goes into an image, and the fingerprint that changes when any of it does."""

import platform
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path

_HERE = Path(__file__).parent
PACKAGE = _HERE.parent
FILES = _HERE / "files"
_EDITION = "1"  # raise it when build.py makes something else of the same ingredients


_PACKAGES = {
    "busybox": ["busybox-static"],
    "coredns": ["python3-dnspython"],
    "prometheus": ["prometheus"],
    "nginx-ingress": ["nginx", "libnginx-mod-stream", "python3", "busybox-static"],
}
_PROGRAMS = {"coredns": "dns", "nginx-ingress": "ingress"}  # their folders in netlab/addons/


def packages(image: str) -> list[str]:
    if image in _PACKAGES:
        return _PACKAGES[image]
    lines = (_HERE / "toolbox.packages").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def scripts() -> list[Path]:
    """Programs for /usr/local/bin of the toolbox."""
    return sorted(path for path in FILES.iterdir() if path.name.startswith("redes-"))


def modules(image: str) -> list[Path]:
    """The program of an image of ours, and what such programs share: paths in this package's parent."""
    addons = PACKAGE / "addons"
    own = sorted((addons / _PROGRAMS[image]).glob("*.py"))
    return [PACKAGE / "__init__.py", addons / "__init__.py", addons / "kubeapi.py", *own]


def agent_modules() -> list[Path]:
    """The part of the toolbox's redes-agent that is written in Python."""
    return sorted((_HERE.parent / "agent").glob("*.py"))


def kubectl() -> Path:
    """The kubectl of the Python environment, whose package is pinned in requirements.txt."""
    return Path(sys.prefix) / "bin" / "kubectl"


def release() -> dict[str, str]:
    lines = Path("/etc/os-release").read_text().splitlines()
    return {key: value.strip('"') for key, _, value in (line.partition("=") for line in lines)}


@cache
def fingerprint(image: str) -> str:
    """Twelve hex digits naming the content of an image built here and now."""
    parts = [_EDITION, image, platform.machine(), release().get("VERSION_CODENAME", "")]
    if image == "toolbox":
        parts += [*packages(image), str(kubectl().stat().st_size)]
        parts += [path.read_text() for path in [*sorted(FILES.iterdir()), *agent_modules()]]
    if image in _PROGRAMS:
        parts += [*packages(image), *(path.read_text() for path in modules(image))]
    return sha256("\0".join(parts).encode()).hexdigest()[:12]
