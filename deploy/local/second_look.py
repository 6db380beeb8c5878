"""Run tests side by side, and give the few of real services that failed a second look, alone.

Why, and what it may not hide: docs/decisions/0005-a-second-look.md. What both runs said is kept in the
project's test-results/, beside what failed (.json) and what each file took (.seconds).
"""

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

MOST = 3  # more than these are no accident
TESTS_FAILED = 1  # pytest's exit status; any other tells of a run that broke
SUFFIXES = (".json", ".log", ".seconds")


def passes(side_by_side: list[str], alone: list[str], *, results: Path, environment: dict[str, str]) -> bool:
    """Run the command `side_by_side`; then, where that is fair, `alone` with the names of what failed.

    Both are pytest with tests/failures.py. `results` is the stem of the files to write; the run is the
    project's two folders above.
    """
    project, first = results.parents[1], results
    second = results.with_name(f"{results.name}-alone")
    results.parent.mkdir(exist_ok=True)
    for stem in (first, second):
        for suffix in SUFFIXES:
            stem.with_suffix(suffix).unlink(missing_ok=True)
    status = _run([*side_by_side, f"--results-to={first}"], first, project, environment)
    if status == 0:
        return True
    failed = worth_a_second_look(status, first.with_suffix(".json"))
    if not failed:
        return False
    _say(f"{len(failed)} failed beside others; once more, alone:", *failed)
    if _run([*alone, *failed, f"--results-to={second}"], second, project, environment) != 0:
        return False
    told = [f"failed beside others, passed alone: {name}" for name in failed]
    logs = f"{first.with_suffix('.log')} and {second.with_suffix('.log')}"
    _say(*told, f"Each is to be looked into; what both runs said is in {logs}")
    return True


def worth_a_second_look(status: int, report: Path) -> list[str]:
    """The names of the tests that failed, where these are few, all of real services, and all that is wrong
    with the run; else none."""
    if status != TESTS_FAILED or not report.exists():
        return []
    told = json.loads(report.read_text())
    failed: dict[str, bool] = told["failed"]
    is_fair = len(failed) <= MOST and all(failed.values()) and not told["others"]
    return list(failed) if is_fair else []


def _run(command: list[str], stem: Path, project: Path, environment: dict[str, str]) -> int:
    """The exit status. What the command says is shown while it says it, and kept in a .log file."""
    command = [*command, *(["--color=yes"] if sys.stdout.isatty() else [])]
    process = subprocess.Popen(
        command, cwd=project, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert process.stdout
    with stem.with_suffix(".log").open("wb") as log, process.stdout:
        for said in _until_end(process.stdout.fileno(), process.pid):
            log.write(said)
            sys.stdout.buffer.write(said)
            sys.stdout.buffer.flush()
    return process.wait()


def _until_end(source: int, pid: int) -> Iterator[bytes]:
    """What a child writes, to its own end: what a test left behind may hold the pipe open for ever."""
    ended = os.pidfd_open(pid)
    watched = [source, ended]
    try:
        while True:
            ready, _, _ = select.select(watched, [], [])
            if source in ready:
                if said := os.read(source, 65536):
                    yield said
                    continue
                watched.remove(source)
            if ended in ready:
                return
    finally:
        os.close(ended)


def _say(*lines: str) -> None:
    bar = "!" * 100
    print(bar, *(f"!!! {line}" for line in lines), bar, sep="\n", flush=True)
