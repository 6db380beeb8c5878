"""Conformance: tests that know nothing of a cluster but its kubeconfig.

`make conformance KUBECONFIG=...` runs all of them against that cluster; without KUBECONFIG, against an own
netlab. In `make test` a small part runs, and always against an own netlab: whatever cluster a KUBECONFIG in
somebody's environment leads to, it is left alone.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path
from statistics import median

import pytest

from tests.netlab.conftest import start

IS_WHOLE = os.environ.get("CONFORMANCE") == "whole"
_NETLAB = [sys.executable, "-m", "netlab"]
_REPOSITORY = Path(__file__).parents[2]
_took: dict[str, float] = {}
PATIENCE = 300  # a story of several waits, on a cluster whose disks and images come from elsewhere


def pytest_collection_modifyitems(config, items):
    """What is marked `whole` is left to `make conformance`, which gives each story more time."""
    left = [item for item in items if item.get_closest_marker("whole") and not IS_WHOLE]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]
    for item in items if IS_WHOLE else ():
        item.add_marker(pytest.mark.timeout(PATIENCE))


@pytest.fixture(scope="session")
def kubeconfig(tmp_path_factory):
    """The cluster to judge."""
    if IS_WHOLE and os.environ.get("KUBECONFIG"):
        yield Path(os.environ["KUBECONFIG"])
        return
    state = tmp_path_factory.mktemp("conformance")
    subprocess.run([*_NETLAB, "image", "build"], check=True, stdout=subprocess.DEVNULL, cwd=_REPOSITORY)
    cluster = start(state)
    yield cluster.kubeconfig
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0, (state / "log").read_text()


@pytest.fixture(scope="session")
def in_force_after() -> dict[str, float]:
    """Seconds from a change to the round of probes that found it in force; told at the end of the run."""
    return _took


def pytest_terminal_summary(terminalreporter):
    if not _took:
        return
    slowest = max(_took, key=_took.get)
    terminalreporter.write_line(
        f"{len(_took)} changes of policies: in force when asked after {median(_took.values()):.2f} s "
        f"(median), {_took[slowest]:.2f} s at most ({slowest})"
    )
