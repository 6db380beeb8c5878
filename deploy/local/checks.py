"""Run groups of checks: `checks.py lint types tests`.

Every check of a group runs, so that one mistake does not hide the others; the next group only runs
after a clean one.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.local import second_look

PROJECT = Path(__file__).resolve().parents[2]
BIN = PROJECT / ".venv" / "bin"
MANAGE = [str(BIN / "python"), "manage.py"]
# Named one by one: what `node --test FOLDER` means has changed between Node's versions.
SCRIPT_TESTS = sorted(str(path) for path in (PROJECT / "tests/js").glob("*.test.js"))
PYTEST = [str(BIN / "pytest")]
# Three processes, whatever the machine has: on two cores they keep 1.5 of them busy, for they wait for real
# pods. A file stays in one process, with the cluster and the portal it shares, and the files keep the order
# that tests/conftest.py gives them. The browser's own loop suffers no asynchronous test beside it, hence two
# calls.
SIDE_BY_SIDE = [*PYTEST, "-n", "3", "--dist", "loadfile", "--no-loadscope-reorder"]
ALONE = [*PYTEST, "-p", "no:xdist"]
TYPED = ["netlab", "deploy", "portal/options.py", "k8s_tasks/redis_keys.py"]

GROUPS: dict[str, dict[str, list[str]]] = {
    "lint": {
        "ruff check": [str(BIN / "ruff"), "check", "--quiet", "."],
        "ruff format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
        "import-linter": [str(BIN / "lint-imports"), "--no-logo"],
        "djlint": [str(BIN / "djlint"), "templates", "--lint", "--quiet"],
    },
    "types": {"mypy": [str(BIN / "mypy"), *TYPED]},
    "django": {
        "manage.py check": [*MANAGE, "check", "--fail-level", "WARNING"],
        "migrations": [*MANAGE, "makemigrations", "--check", "--dry-run"],
        "course": [*MANAGE, "labs", "lint"],
    },
    "tests": {
        "javascript": [str(BIN / "node"), "--test", *SCRIPT_TESTS],
        "pytest": [*SIDE_BY_SIDE, "-m", "not e2e"],
        "browser": [*SIDE_BY_SIDE, "-m", "e2e"],
    },
}


def has_compose() -> bool:
    """Our own test judges the file; where Docker's compose is at hand, it has its say too."""
    asked = ["docker", "compose", "version"]
    return bool(shutil.which("docker")) and subprocess.run(asked, capture_output=True).returncode == 0


def main(names: list[str]) -> None:
    if has_compose():
        GROUPS["lint"]["docker compose"] = ["docker", "compose", "config", "--quiet", "--no-interpolate"]
    for name in names:
        failed = [title for title, command in GROUPS[name].items() if not passes(title, command)]
        if failed:
            sys.exit(f"failed: {', '.join(failed)}")


def passes(title: str, command: list[str]) -> bool:
    """Run one check. What a linter says is shown only when it fails; the tests speak for themselves."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1", "PATH": f"{BIN}:{os.environ['PATH']}"}
    if title in ("pytest", "browser"):
        results = PROJECT / "test-results" / title
        return second_look.passes(command, ALONE, results=results, environment=environment)
    began = time.monotonic()
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    result = "ok" if done.returncode == 0 else f"FAILED\n{done.stdout.strip()}"
    print(f"{title}: {result} ({time.monotonic() - began:.1f} s)", flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    main(sys.argv[1:])
