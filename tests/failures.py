"""What failed, for `deploy/local/second_look.py`, and what each file took, for whoever orders tests.

Loaded by the conftest at the top, and by the fixture suites of the tests of the second look.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

LIVE = ("integration", "e2e")  # marks of tests that depend on more than our own code


def pytest_addoption(parser):
    parser.addoption(
        "--results-to", type=Path, help="write NAME.json and NAME.seconds: what failed, what took long"
    )


def pytest_configure(config):
    where = config.getoption("results_to")
    if where and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Results(where))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    report.is_live = any(item.get_closest_marker(mark) for mark in LIVE)
    return report


class Results:
    def __init__(self, where: Path):
        self._where = where
        self._failed: dict[str, bool] = {}
        self._others = 0  # what is no test that ran and failed, and cannot be asked again
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report):
        self._seconds[report.nodeid.partition("::")[0]] += report.duration
        if report.failed:
            # A process that crashed is told of by xdist, which knows no marks.
            is_live = getattr(report, "is_live", False)
            self._failed[report.nodeid] = self._failed.get(report.nodeid, True) and is_live
        self._others += report.skipped

    def pytest_collectreport(self, report):
        self._others += report.failed

    def pytest_sessionfinish(self):
        self._where.parent.mkdir(parents=True, exist_ok=True)
        told = {"failed": self._failed, "others": self._others}
        self._where.with_suffix(".json").write_text(json.dumps(told))
        rows = sorted(self._seconds.items(), key=lambda row: -row[1])
        text = "".join(f"{seconds:7.1f} {name}\n" for name, seconds in rows)
        self._where.with_suffix(".seconds").write_text(text)
