"""The second phase of `up.py`: everything that needs no root, from the migrations to the last goodbye.

    running.py --lock FD [--netlab FD --restarter PID...]

It holds the web's listening socket (see `door.py`), and is the parent of supervisord and the adoptive
parent of whatever supervisord's children leave behind. supervisord ends when this process does, however it
does; netlab when our end of its pipe closes.
"""

import argparse
import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.door import Door  # noqa: E402
from deploy.local.folders import FolderError, Folders, Lock  # noqa: E402
from deploy.local.lifeline import adopt_orphans, tie  # noqa: E402
from deploy.local.redis_server import NoRedis, find_redis, redis_command  # noqa: E402
from deploy.local.supervision import Program, Supervisor, portal_programs, supervisor_config  # noqa: E402
from portal.options import read_options  # noqa: E402

SECONDS_TO_START = 300  # what cannot start is told at once; this is for a machine that others use too
SECONDS_TO_END = 25
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Told(Exception):
    """A signal asked us to end."""


class Failed(Exception):
    """The start failed; the text says why."""


def say(text: str) -> None:
    """Print a line; a terminal that is gone must not stop the tidying up."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


class LocalRun:
    def __init__(self, options: dict[str, Any], lock: Lock, netlab: int | None, restarters: list[int]):
        self.options = options
        self.folders = Folders(options["STATE_DIR"])
        self.lock = lock
        self.netlab, self.restarters = netlab, restarters
        self.supervisord: subprocess.Popen[bytes] | None = None
        self.began = time.monotonic()

    @property
    def url(self) -> str:
        host = str(self.options["HOST"])
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
        return f"http://{shown}:{self.options['PORT']}"

    def start(self) -> None:
        """From nothing to a portal that answers. Raises Failed, FolderError or NoRedis."""
        self.folders.make_rest()
        host, port = self.options["HOST"], self.options["PORT"]
        door = self._open_door(host, port)
        programs = [*self._redis(), *portal_programs(host=host, port=port, project=PROJECT, door=door)]
        with self._timed("database, course and cluster"):
            self._prepare_database()
        with self._timed(", ".join(program.name for program in programs)):
            self._start_supervisord(programs)
            self._wait_until_ready()
        self.lock.say(f"pid {os.getpid()}, {self.url}")

    @contextlib.contextmanager
    def _timed(self, step: str) -> Iterator[None]:
        say(f"{step} ...")
        began = time.monotonic()
        yield
        say(f"{step}: done in {time.monotonic() - began:.1f} s")

    def _redis(self) -> list[Program]:
        if self.options["REDIS_URL"]:
            return []
        socket = self.folders.run / "redis.sock"
        os.environ["REDIS_URL"] = f"unix://{socket}"
        command = redis_command(find_redis(), socket=socket, data=self.folders.redis)
        return [Program("redis", command, orphan_signal="TERM")]

    def _open_door(self, host: str, port: int) -> str:
        """Its name."""
        try:
            return Door(host, port).name
        except OSError as error:  # taken since up.py tried it, or not for an ordinary user
            raise Failed(f"{host} port {port} cannot be used: {error.strerror}") from None

    def _prepare_database(self) -> None:
        command = [sys.executable, str(PROJECT / "deploy/local/prepare.py")]
        command += (
            ["--demo-accounts", str(self.folders.run / "accounts")] if self.options["DEMO_ACCOUNTS"] else []
        )
        command += (
            ["--await-file", str(self.folders.netlab / "kubeconfig")] if self.netlab is not None else []
        )
        with (self.folders.log / "prepare.log").open("w") as log:
            done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, preexec_fn=tie)
        if done.returncode:
            netlab = f"\n{self._last_lines('netlab')}" if self.netlab is not None else ""
            raise Failed(f"the preparation failed:\n{self._last_lines('prepare')}{netlab}")

    def _start_supervisord(self, programs: list[Program]) -> None:
        path = self.folders.run / "supervisord.conf"
        path.write_text(
            supervisor_config(programs, run=self.folders.run, log=self.folders.log, project=PROJECT)
        )
        with (self.folders.log / "supervisord.log").open("ab") as log:  # what it says before it logs itself
            self.supervisord = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(path)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tie,
            )

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + SECONDS_TO_START
        supervisor = Supervisor(self.folders.run / "supervisor.sock")
        missing = "nothing answers yet"
        while time.monotonic() < until:
            missing = self._what_is_missing()
            if not missing:
                return
            self._stop_if_hopeless(supervisor)
            time.sleep(0.1)
        raise Failed(f"after {SECONDS_TO_START} s this is still missing: {missing}. See {self.folders.log}")

    def _stop_if_hopeless(self, supervisor: Supervisor) -> None:
        assert self.supervisord
        if self.supervisord.poll() is not None:
            raise Failed(f"supervisord ended:\n{self._last_lines('supervisord')}")
        with contextlib.suppress(OSError):
            if given_up := supervisor.given_up():
                raise Failed(f"{given_up[0]} cannot start:\n{self._last_lines(given_up[0])}")

    def _what_is_missing(self) -> str:
        """Empty when all answer, else what does not, in words."""
        if self.netlab is not None and not _is_ready(self.folders.netlab / "run.json"):
            return f"netlab (see {self.folders.netlab / 'netlab.log'})"
        try:
            status, said = self._ask_health()
        except (OSError, http.client.HTTPException) as error:
            return f"web ({error})"
        return "" if status == 200 else self._needed(said)

    def _needed(self, said: str) -> str:
        """Of what /healthz misses, what we wait for: a cluster that is not ours may be away."""
        try:
            missing = json.loads(said)["missing"]
        except (ValueError, KeyError, TypeError):
            return said
        return ", ".join(
            name for name in missing if self.netlab is not None or not name.startswith("cluster")
        )

    def _ask_health(self) -> tuple[int, str]:
        address = urllib.parse.urlsplit(self.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
        with contextlib.closing(connection):
            connection.request("GET", "/healthz", headers={"Host": self._host_header()})
            answer = connection.getresponse()
            return answer.status, answer.read(2000).decode(errors="replace")

    def _host_header(self) -> str:
        names = [name for name in self.options["ALLOWED_HOSTS"] if name != "*"]
        return names[0].removeprefix(".") if names else "localhost"

    def _last_lines(self, name: str) -> str:
        path = self.folders.netlab / "netlab.log" if name == "netlab" else self.folders.log / f"{name}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join([*lines[-15:], f"(more in {path})"])

    def announce(self) -> None:
        say(f"\nReady in {time.monotonic() - self.began:.1f} s: {self.url}\n")
        listed = self.folders.run / "accounts"
        for line in listed.read_text().splitlines() if listed.exists() else []:
            say("  {:<12} {:<12} {}".format(*line.split(maxsplit=2)))
        if self.netlab is not None:
            say(f"\nkubectl: export KUBECONFIG={self.folders.netlab / 'kubeconfig'}")
        say(f"\nLogs are in {self.folders.log}. Ctrl-C ends everything.")

    def stay(self) -> None:
        """Return only when supervisord ends, which it should not."""
        assert self.supervisord
        raise Failed(f"supervisord ended with {self.supervisord.wait()}:\n{self._last_lines('supervisord')}")

    def stop(self) -> None:
        """End all processes, ours and netlab's, and wait until they are gone."""
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        say("ending ...")
        if self.supervisord:
            _end(self.supervisord)
        _kill_orphans(except_for=self.restarters)
        if self.netlab is not None:
            os.close(self.netlab)
            for pid in self.restarters:
                os.waitpid(pid, 0)
        self.folders.clear_run()
        say("all ended")


def _is_ready(record: Path) -> bool:
    try:
        return bool(json.loads(record.read_text())["ready"])
    except (OSError, ValueError, KeyError):
        return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _kill_orphans(*, except_for: list[int]) -> None:
    """End what the ended processes left; as their adoptive parent we find them all."""
    while left := [pid for pid in _children() if pid not in except_for]:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _children() -> list[int]:
    return [int(pid) for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lock", type=int, required=True)
    parser.add_argument("--netlab", type=int)
    parser.add_argument("--restarter", type=int, action="append", default=[])
    handed = parser.parse_args(argv)
    for descriptor in (handed.lock, handed.netlab):
        if descriptor is not None:
            os.set_inheritable(descriptor, False)
    os.umask(0o077)  # other users of this machine have no business in the database or the logs
    adopt_orphans()
    for number in ENDING_SIGNALS:
        signal.signal(number, _tell)
    return run(LocalRun(read_options(), Lock(handed.lock), handed.netlab, handed.restarter))


def _tell(number: int, frame: object) -> None:
    raise Told


def run(local: LocalRun) -> int:
    """Start, stay, stop; the exit status."""
    try:
        local.start()
        local.announce()
        local.stay()
    except Told:
        return 0
    except (Failed, FolderError, NoRedis) as error:
        say(f"error: {error}")
        return 1
    finally:
        local.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
