"""Play all labs on a portal of our own: `play_labs.py [options of manage.py labs solve]`."""

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.stack import Stack  # noqa: E402


def main(options: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="redes-labs-") as folder, Stack(Path(folder) / "state") as stack:
        command = [sys.executable, str(PROJECT / "manage.py"), "labs", "solve", "--all", *options]
        return subprocess.run(command, env=stack.env, cwd=PROJECT).returncode


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
