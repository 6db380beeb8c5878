"""The whole portal as an object: `with Stack(folder) as stack: ... stack.url`.

It starts `up.py` as a child, in its own state folder and on free ports, so that tests meet the very
processes `make run` starts, with the very privileges. As a script it prints what it knows of a run:
`stack.py STATE_DIR` shows the address and the processes of the portal that runs there.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.folders import Folders  # noqa: E402
from deploy.local.lifeline import tie  # noqa: E402
from deploy.local.own_database import OwnDatabase  # noqa: E402
from deploy.local.supervision import Supervisor  # noqa: E402
from portal.options import OPTIONS  # noqa: E402

SECONDS_TO_START = 600  # a start that failed is told at once; this is for a machine that others use too
SECONDS_TO_END = 60


class StackError(Exception):
    """The portal did not start or did not end; the text holds what it said."""


class Stack:
    """A running portal.

    `accounts` maps the role (student, instructor, admin) to {"username", "password"}. Extra options go
    by their names: Stack(folder, SESSION_MINUTES=5). Starting raises StackError. Where TEST_DATABASE_URL
    names a PostgreSQL server it has a database of its own there, which goes when the `with` ends.
    """

    def __init__(self, state_dir: Path, *, port: int = 0, netlab_port: int = 0, **options: object):
        self.folders = Folders(Path(state_dir).resolve())
        wanted = {"PORT": port, "NETLAB_PORT": netlab_port, "STATE_DIR": self.folders.state, **options}
        known = {option.name for option in OPTIONS}
        inherited = {name: value for name, value in os.environ.items() if name not in known}
        inherited.pop("DJANGO_SETTINGS_MODULE", None)
        self._database = None if "DATABASE_URL" in options else OwnDatabase.if_wanted()
        if self._database:
            wanted["DATABASE_URL"] = self._database.url
        self._environment = inherited | {name: str(value) for name, value in wanted.items()}
        self._output = self.folders.state / "up.log"
        self._up: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop()
        finally:
            self._drop_database()

    def start(self) -> None:
        self.folders.state.mkdir(parents=True, exist_ok=True)
        if self._database:
            self._database.create()
        with self._output.open("wb") as output:
            self._up = subprocess.Popen(
                [sys.executable, str(PROJECT / "deploy/local/up.py")],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tie,
            )
        try:
            self._wait_until_ready()
        except StackError:
            self._drop_database()
            raise

    def _drop_database(self) -> None:
        if self._database:
            self._database.drop()

    def _wait_until_ready(self) -> None:
        assert self._up
        until = time.monotonic() + SECONDS_TO_START
        while not self._address():
            if self._up.poll() is not None:
                raise StackError(self.output)
            if time.monotonic() > until:
                self.stop()
                raise StackError(f"not ready after {SECONDS_TO_START} s:\n{self.output}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End everything and wait for it; harmless when it has ended already."""
        if self._up is None or self._up.poll() is not None:
            return
        self._up.terminate()
        try:
            self._up.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._up.kill()
            raise StackError(f"did not end within {SECONDS_TO_END} s:\n{self.output}") from None

    def _address(self) -> str:
        """Empty until all answer: `up.py` writes the address into its lock when they do."""
        lock = self.folders.state / "up.lock"
        found = re.search(r"pid (\d+), (http://\S+)", lock.read_text()) if lock.exists() else None
        return found[2] if found and self._up and int(found[1]) == self._up.pid else ""

    @property
    def url(self) -> str:
        return self._address()

    @property
    def output(self) -> str:
        """What `make run` would have printed so far."""
        return self._output.read_text(errors="replace")

    @property
    def pid(self) -> int:
        assert self._up
        return self._up.pid

    @property
    def accounts(self) -> dict[str, dict[str, str]]:
        listed = json.loads((self.folders.state / "demo_accounts.json").read_text())
        return {account["role"]: account for account in listed}

    @property
    def env(self) -> dict[str, str]:
        """The environment in which `manage.py` and kubectl speak to this portal and its netlab."""
        own = {
            "REDIS_URL": self._environment.get("REDIS_URL") or f"unix://{self.folders.run / 'redis.sock'}",
            "PORT": self.url.rpartition(":")[2],
            "NETLAB_STATE": str(self.folders.netlab),
            "KUBECONFIG": str(self.kubeconfig),
        }
        return self._environment | own

    @property
    def kubeconfig(self) -> Path:
        return self.folders.netlab / "kubeconfig"

    @property
    def netlab_port(self) -> int:
        return json.loads((self.folders.netlab / "run.json").read_text())["port"]

    @property
    def supervisor(self) -> Supervisor:
        return Supervisor(self.folders.run / "supervisor.sock")

    def pids(self) -> dict[str, int]:
        """Supervised processes by name: redis, web, worker-streams, worker-verify, watcher; and netlab."""
        record = self.folders.netlab / "run.json"
        netlab = {"netlab": json.loads(record.read_text())["pid"]} if record.exists() else {}
        return self.supervisor.pids() | netlab

    def wait_for(self, name: str, *, other_than: int = 0) -> None:
        """Until a supervised program runs as another process than before. Raises StackError."""
        self.wait_until(lambda: self.pids().get(name, 0) not in (0, other_than))

    def wait_until(self, is_so: Callable[[], bool], seconds: float = 40) -> None:
        """Raises StackError when it is still not so in the end."""
        until = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > until:
                raise StackError(f"not within {seconds:.0f} s:\n{self.log('supervisord')[-2000:]}")
            time.sleep(0.05)

    def is_healthy(self) -> bool:
        """Does /healthz find all of it answering, the cluster too?"""
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=5) as answer:  # noqa: S310
                return all(json.load(answer)["parts"].values())
        except (OSError, ValueError):
            return False

    def log(self, name: str) -> str:
        path = self.folders.netlab / "netlab.log" if name == "netlab" else self.folders.log / f"{name}.log"
        return path.read_text(errors="replace")


def main(argv: list[str]) -> None:
    folders = Folders(Path(argv[0] if argv else "var").resolve())
    lock = folders.state / "up.lock"
    try:
        processes = Supervisor(folders.run / "supervisor.sock").processes()
    except OSError:
        sys.exit(f"nothing runs in {folders.state}")
    print(lock.read_text().strip())
    for name, process in sorted(processes.items()):
        print(f"{name:<16} {process['statename']:<10} {process['description']}")


if __name__ == "__main__":
    main(sys.argv[1:])
