"""Keep one command running: `restarter.py --log FILE -- COMMAND...`

netlab's launcher may need root, and the supervisor of everything else has given root up, so this
small process starts netlab again when it dies (waiting longer each time). It lives as long as its
standard input stays open: a pipe from `up.py`, which the kernel closes however `up.py` ends. A
death signal could not do that, for an unprivileged parent may not signal a root process.
"""

import argparse
import logging
import os
import select
import signal
import subprocess
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from deploy.local.lifeline import tie

LONGEST_WAIT = 30.0
LONG_LIFE = 60.0
SECONDS_TO_END = 15


class Told(SystemExit):
    """Somebody asked this process to end."""


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("command", nargs="+")
    wanted = parser.parse_args(argv)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _tell)
    keep_running(wanted.command, _open_log(wanted.log))


def _tell(number: int, frame: object) -> None:
    raise Told(0)


def _open_log(path: Path) -> logging.Logger:
    log = logging.getLogger("restarter")
    log.setLevel(logging.INFO)
    handler = RotatingFileHandler(path, maxBytes=5_000_000, backupCount=3)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(handler)
    return log


def keep_running(command: list[str], log: logging.Logger) -> None:
    """Start `command` again whenever it ends, until standard input closes."""
    wait = 1.0
    while True:
        began = time.monotonic()
        status = _run_once(command, log)
        if status is None:
            return
        wait = 1.0 if time.monotonic() - began > LONG_LIFE else min(wait * 2, LONGEST_WAIT)
        log.warning("ended with status %s; starting it again in %.0f s", status, wait)
        if _closes_within(wait):
            return


def _run_once(command: list[str], log: logging.Logger) -> int | None:
    """Run to the end and give the status, or end it when standard input closes and give None."""
    child = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        preexec_fn=tie,
    )
    try:
        return child.wait() if _copy_output(child, log) else None
    finally:
        _end(child)


def _copy_output(child: subprocess.Popen[bytes], log: logging.Logger) -> bool:
    """Write the child's lines to the log. True at its end, False when standard input closed first."""
    assert child.stdout
    output = child.stdout.fileno()
    unfinished = b""
    while True:
        ready, _, _ = select.select([0, output], [], [])
        if 0 in ready and not os.read(0, 4096):
            return False
        if output in ready:
            data = os.read(output, 65536)
            if not data:
                return True
            *lines, unfinished = (unfinished + data).split(b"\n")
            for line in lines:
                log.info("%s", line.decode(errors="replace"))


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is not None:
        return
    child.terminate()
    try:
        child.wait(SECONDS_TO_END)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _closes_within(seconds: float) -> bool:
    ready, _, _ = select.select([0], [], [], seconds)
    return bool(ready) and not os.read(0, 4096)


if __name__ == "__main__":
    main(sys.argv[1:])
