"""Play or record labs on a portal of our own: `play_labs.py [record] [LAB ...] [options of manage.py labs]`.

Without a LAB it is all of them.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.lifeline import tie  # noqa: E402
from deploy.local.stack import Stack  # noqa: E402
from portal.options import read_options  # noqa: E402


def main(words: list[str]) -> int:
    act, *options = words if words[:1] == ["record"] else ["solve", *words]
    course = Path(str(read_options()["COURSE"]))
    if not known_labs(course).intersection(options):
        options = ["--all", *options]
    command = [sys.executable, str(PROJECT / "manage.py"), "labs", act, *options]
    with (
        tempfile.TemporaryDirectory(prefix="redes-labs-") as folder,
        Stack(Path(folder) / "state", COURSE=course) as stack,
    ):
        return subprocess.run(command, env=stack.env, cwd=PROJECT, preexec_fn=tie).returncode


def known_labs(course: Path) -> set[str]:
    return {file.parent.name for file in course.glob("*/*/lab.yaml")}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
