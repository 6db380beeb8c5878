"""Docker and kind as commands: are they there, and what did they say. Standard library only."""

import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

CLUSTER = "redes"
HOMES = {
    "docker": "https://docs.docker.com/engine/install/",
    "kind": "https://kind.sigs.k8s.io/docs/user/quick-start/#installation",
}
NO_DAEMON = """\
Docker is installed, but its daemon does not answer:
  {said}
Start it (on Linux: sudo systemctl start docker; elsewhere: open Docker Desktop). If it says "permission
denied", add yourself to the group: sudo usermod -aG docker $USER, then log in again."""


class KindProblem(Exception):
    """Something the operator can mend is in the way; the text says what."""


def require_tools() -> None:
    """Raises KindProblem when docker or kind is missing, or Docker's daemon does not answer."""
    missing = [f"{name}: {home}" for name, home in HOMES.items() if not shutil.which(name)]
    if missing:
        raise KindProblem("make kind needs what is not installed here:\n  " + "\n  ".join(missing))
    asked = attempt("docker", "version", "--format", "{{.Server.Version}}")
    if asked.returncode:
        raise KindProblem(NO_DAEMON.format(said=last_words(asked)))


def attempt(*command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """The command's end and what it said, whatever came of it."""
    return subprocess.run(command, input=stdin, capture_output=True, text=True)


def ask(*command: str, stdin: str | None = None) -> str:
    """What the command printed. Raises KindProblem with its last words."""
    done = attempt(*command, stdin=stdin)
    if done.returncode:
        raise KindProblem(f"`{' '.join(command)}` failed:\n{last_words(done)}")
    return done.stdout


def show(command: Sequence[str], problem: str, *, stdin: str | None = None) -> None:
    """Run it with its own progress on the terminal. Raises KindProblem."""
    if subprocess.run(command, input=stdin, text=True).returncode:
        raise KindProblem(f"{problem} (`{' '.join(command)}` failed; its words are above)")


def last_words(done: subprocess.CompletedProcess[str]) -> str:
    return (done.stderr or done.stdout).strip()[-2000:] or f"it ended with {done.returncode}"


@contextmanager
def step(name: str) -> Iterator[None]:
    """Say what is being done, and how long it took."""
    print(f"{name} ...", flush=True)
    began = time.monotonic()
    yield
    print(f"{name}: done in {time.monotonic() - began:.1f} s", flush=True)
