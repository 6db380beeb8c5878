"""The processes of a local run, and the supervisord that starts them again when they die."""

import http.client
import shlex
import sys
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supervisor.xmlrpc import SupervisorTransport

from deploy.local.door import DESCRIPTOR

LIFELINE = Path(__file__).resolve().parent / "lifeline.py"
DOOR = LIFELINE.with_name("door.py")
GAVE_UP = "FATAL"


@dataclass(frozen=True)
class Program:
    """One supervised process.

    `orphan_signal` is what it gets when the supervisor itself is killed; `seconds_to_end` is how
    long it may take after `stop_signal` before it is killed.
    """

    name: str
    command: list[str]
    stop_signal: str = "TERM"
    orphan_signal: str = "KILL"
    seconds_to_end: int = 8


def portal_programs(*, host: str, port: int, project: Path, door: str = "") -> list[Program]:
    """The web listens on `host` and `port` itself, or is given the socket of the `door` with that name."""
    python = sys.executable
    worker = [
        python,
        "-m",
        "celery",
        "-A",
        "portal",
        "worker",
        "--pool=threads",
        "--without-gossip",
        "--without-mingle",
    ]
    web = [python, "-m", "uvicorn", "portal.asgi:application"]
    if door:
        web = [python, "-S", "-E", str(DOOR), "--door", door, "--", *web, "--fd", str(DESCRIPTOR)]
    else:
        web += ["--host", host, "--port", str(port)]
    quiet_end = ["--timeout-graceful-shutdown", "3", "--no-access-log"]
    return [
        Program("web", [*web, *quiet_end]),
        # QUIT is Celery's cold end: a stream that runs for minutes must not hold up Ctrl-C.
        Program("worker-streams", [*worker, "-Q", "streams", "-c", "100", "-n", "streams@local"], "QUIT"),
        Program("worker-verify", [*worker, "-Q", "verify", "-c", "4", "-n", "verify@local"], "QUIT"),
        Program("watcher", [python, str(project / "manage.py"), "watcher"]),
    ]


def supervisor_config(programs: list[Program], *, run: Path, log: Path, project: Path) -> str:
    """The text of supervisord.conf. Redis, if given, starts first and ends last."""
    sections = [
        _section("unix_http_server", file=run / "supervisor.sock", chmod="0700"),
        _section(
            "supervisord",
            nodaemon="true",
            silent="true",
            directory=project,
            logfile=log / "supervisord.log",
            logfile_maxbytes="5MB",
            logfile_backups=2,
            pidfile=run / "supervisord.pid",
            childlogdir=log,
        ),
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n",
        *(_program_section(program, log) for program in programs),
        _section(
            "group:portal", programs=",".join(p.name for p in programs if p.name != "redis"), priority=20
        ),
    ]
    return "\n".join(sections)


def _program_section(program: Program, log: Path) -> str:
    tied = [
        sys.executable,
        "-S",
        "-E",
        str(LIFELINE),
        "--signal",
        program.orphan_signal,
        "--",
        *program.command,
    ]
    return _section(
        f"program:{program.name}",
        command=quote(tied),
        priority=10,
        autorestart="true",
        startsecs=4,  # Celery needs more than one to find a broken import
        startretries=8,
        stopsignal=program.stop_signal,
        stopwaitsecs=program.seconds_to_end,
        stdout_logfile=log / f"{program.name}.log",
        stdout_logfile_maxbytes="5MB",
        stdout_logfile_backups=3,
        redirect_stderr="true",
    )


def _section(header: str, **values: object) -> str:
    lines = (
        f"{name} = {value if name == 'command' else _escape(str(value))}" for name, value in values.items()
    )
    return f"[{header}]\n" + "\n".join(lines) + "\n"


def quote(command: list[str]) -> str:
    return _escape(shlex.join(command))


def _escape(text: str) -> str:
    """Make text literal in supervisord's configuration, which has no way to write ` ;` or a line end."""
    if any(mark in text for mark in (";", "#", "\n")):
        raise ValueError(f"{text!r}: a path with ; or # or a line end cannot be supervised")
    return text.replace("%", "%%")


class Supervisor:
    """Questions and orders to a running supervisord, over its unix socket."""

    def __init__(self, socket: Path):
        self._address = f"unix://{socket}"

    def processes(self) -> dict[str, dict]:
        """What supervisord knows of each program, by name. Raises OSError when it does not answer."""
        return {process["name"]: process for process in self._ask("getAllProcessInfo")}

    def pids(self) -> dict[str, int]:
        return {name: process["pid"] for name, process in self.processes().items() if process["pid"]}

    def given_up(self) -> list[str]:
        """Programs that died so often that they are not started any more."""
        return [name for name, process in self.processes().items() if process["statename"] == GAVE_UP]

    def restart(self, name: str) -> None:
        """Stop a program, wait until it has ended, start it, and wait until it stays."""
        full_name = name if name == "redis" else f"portal:{name}"
        self._ask("stopProcess", full_name)
        self._ask("startProcess", full_name)

    def _ask(self, method: str, *arguments: Any) -> Any:
        # A transport is used once: after a failed call it stays unusable.
        transport = SupervisorTransport(None, None, serverurl=self._address)
        try:
            return getattr(xmlrpc.client.ServerProxy("http://localhost", transport).supervisor, method)(
                *arguments
            )
        except http.client.HTTPException as error:
            raise ConnectionError(f"supervisord does not answer: {error!r}") from error
        finally:
            transport.close()
