"""Every option of the portal, once: its name in the environment, its default and what it does.

`portal.settings`, the set-up, `make help` and the documentation all read this table. It uses the
standard library only, because the set-up reads it before anything is installed.
"""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent


class OptionError(ValueError):
    """An option in the environment has a value that cannot be used."""


def database_file(state: Path) -> Path:
    """SQLite's file below the state folder, in a folder that belongs to whom the file belongs to.

    The state folder itself may be root's and sticky; in such a folder the kernel lets nobody, root included,
    open another user's file to write (`fs.protected_regular`, 2 on Debian and Ubuntu; proc_sys_fs(5)).
    Earlier versions kept the file there: it is used where it lies until the next start moves it.
    """
    before = state / "portal.sqlite3"
    return before if before.exists() else state / "database" / "portal.sqlite3"


def _text(value: str) -> str:
    return value.strip()


def _number(value: str) -> int:
    if not value.strip().isdecimal():
        raise ValueError("a whole number is expected")
    return int(value)


def _port(value: str) -> int:
    port = _number(value)
    if port > 65535:
        raise ValueError("a port is between 0 and 65535")
    return port


def _yes_or_no(value: str) -> bool:
    words = {
        "1": True,
        "true": True,
        "yes": True,
        "on": True,
        "0": False,
        "false": False,
        "no": False,
        "off": False,
    }
    if value.strip().lower() not in words:
        raise ValueError("yes or no is expected")
    return words[value.strip().lower()]


def _log_format(value: str) -> str:
    if value.strip() not in ("line", "json"):
        raise ValueError("line or json is expected")
    return value.strip()


def _sign_up(value: str) -> str:
    if value.strip() not in ("code", "open", "closed"):
        raise ValueError("code, open or closed is expected")
    return value.strip()


def _names(value: str) -> list[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _registries(value: str) -> str:
    names = value.strip().split(",")
    if not all(re.fullmatch(r"\s*[A-Za-z0-9.-]+(:\d+)?\s*", name) for name in names):
        raise ValueError("all, none, or names of registries with commas between are expected")
    return value.strip()


def _folder(value: str) -> Path:
    return (PROJECT / Path(value).expanduser()).resolve()


@dataclass(frozen=True)
class Option:
    name: str
    default: str
    meaning: str
    read: Callable[[str], object] = _text


OPTIONS = (
    Option("HOST", "127.0.0.1", "address the web server listens on", _text),
    Option("PORT", "8000", "port of the web server; 0 takes a free one", _port),
    Option("STATE_DIR", "var", "folder of the database, transcripts, logs and sockets", _folder),
    Option("DATABASE_URL", "", "database; empty is SQLite in STATE_DIR"),
    Option("REDIS_URL", "", "Redis server (6.2 or newer); empty starts one on a private socket"),
    Option("CLUSTER", "netlab", "netlab, kind, or the path of a kubeconfig"),
    Option("NETLAB_PORT", "16443", "port of netlab's Kubernetes API on the loopback interface", _port),
    Option("NETLAB_WORKERS", "2", "worker nodes of netlab", _number),
    Option(
        "NETLAB_PULL",
        "none",
        "registries netlab's pods may get images from: none, all, or names as in docker.io,ghcr.io",
        _registries,
    ),
    Option("OWN_NETLABS", "2", "netlabs of their own that labs which need a whole cluster may have", _number),
    Option(
        "CLUSTER_SILENT_SECONDS",
        "60",
        "how long a cluster may be silent before its sessions are given up, to be started elsewhere",
        _number,
    ),
    Option("EVIDENCE_KEY", "", "file with the Ed25519 key that signs evidence; empty makes one in STATE_DIR"),
    Option("SECRET_KEY", "", "Django's secret key; empty makes and keeps one for a local run"),
    Option("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", "host names the portal answers to", _names),
    Option("CSRF_TRUSTED_ORIGINS", "", "origins of forms and WebSockets behind a proxy, with scheme", _names),
    Option(
        "COURSE",
        "curriculum/content",
        "folder of the course; an author may run a portal with another",
        _folder,
    ),
    Option("COURSE_RELOAD", "no", "for authors: read the course again when its files change", _yes_or_no),
    Option("METRICS_TOKEN", "", "bearer token for Prometheus at /metrics; empty has no such page"),
    Option("LOG_FORMAT", "line", "line, or json for a collector of logs", _log_format),
    Option("DEBUG", "no", "Django's debug pages", _yes_or_no),
    Option(
        "DEMO_ACCOUNTS",
        "yes",
        "make a student, an instructor and an admin to try the portal with",
        _yes_or_no,
    ),
    Option(
        "SIGN_UP",
        "code",
        "who may make an account: code (with a class's code), open (everybody), closed (nobody)",
        _sign_up,
    ),
    Option("EMAIL_HOST", "", "mail server; empty prints e-mails into the log of the web server"),
    Option("EMAIL_PORT", "587", "port of the mail server", _port),
    Option("EMAIL_HOST_USER", "", "user at the mail server"),
    Option("EMAIL_HOST_PASSWORD", "", "password at the mail server"),
    Option("EMAIL_USE_TLS", "yes", "STARTTLS with the mail server", _yes_or_no),
    Option("EMAIL_FROM", "redes@localhost", "sender of the portal's e-mails"),
    Option("SESSION_MINUTES", "60", "how long a lab session lasts before it must be extended", _number),
    Option(
        "TRANSCRIPT_DAYS",
        "365",
        "how long what a command printed is kept for replay; 0 keeps it for ever. Verdicts stay",
        _number,
    ),
    Option("SESSIONS_PER_STUDENT", "2", "lab sessions a student may have at once", _number),
    Option("RUN_SECONDS", "600", "longest time one command may run", _number),
    Option("RUN_BYTES", "4000000", "output of one command kept and shown, in bytes", _number),
    Option(
        "TERMINAL_IDLE_SECONDS", "900", "a terminal without a key or a line for so long is closed", _number
    ),
)


def read_options(environ: Mapping[str, str] = os.environ) -> dict[str, object]:
    """Every option by name, parsed.

    NAME_FILE names a file that holds the value of NAME, as secrets are given to containers. Raises
    OptionError naming the variable, its value and what was expected; an empty variable counts as not set.
    """
    return {option.name: _read_option(option, environ) for option in OPTIONS}


def _read_option(option: Option, environ: Mapping[str, str]) -> object:
    value = environ.get(option.name) or _from_file(option.name, environ) or option.default
    try:
        return option.read(value)
    except ValueError as error:
        raise OptionError(
            f"{option.name}={value!r} cannot be used: {error}. It is the {option.meaning}."
        ) from None


def _from_file(name: str, environ: Mapping[str, str]) -> str:
    path = environ.get(f"{name}_FILE", "")
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise OptionError(f"{name}_FILE={path!r} cannot be read: {error.strerror}.") from None
