"""One lab in the browser for its author: `preview.py LAB`, as `manage.py labs preview LAB` calls it.

A portal of its own on free ports, with its own cluster where one can run, that reads the course of COURSE
again whenever a file changes. Ctrl-C ends it, and what was done in it goes with it.
"""

import os
import signal
import sys
import tempfile
import webbrowser
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(PROJECT))

from deploy.local.stack import Stack, StackError  # noqa: E402
from portal.options import read_options  # noqa: E402


def main(lab: str) -> int:
    print("starting a portal ...", flush=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a script's background ignores it
    course = read_options()["COURSE"]
    try:
        with (
            tempfile.TemporaryDirectory(prefix="redes-preview-") as folder,
            Stack(Path(folder) / "state", COURSE=course, COURSE_RELOAD="yes") as stack,
        ):
            show(stack, lab)
    except StackError as error:
        print(error)
        return 1
    except KeyboardInterrupt:
        print("ended")
    return 0


def show(stack: Stack, lab: str) -> None:
    """Say where it is, open a browser where there is a screen, and stay."""
    account = stack.accounts["student"]
    address = f"{stack.url}/login/?next=/labs/{lab}/"
    print(f"\n{address}\n  log in as {account['username']} with {account['password']}")
    print(f"\nWithout a login, the recording: {stack.url}/labs/{lab}/recording/")
    print("The page loads itself again when you save a file of the course. Ctrl-C ends this.", flush=True)
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(address)
    signal.pause()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
