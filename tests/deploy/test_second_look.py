"""The second look: what may have it, and that it hides nothing. The suites are small ones of our own."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.second_look import _until_end, passes, worth_a_second_look

pytestmark = pytest.mark.timeout(240)  # each starts up to four pythons, one after the other
PROJECT = Path(__file__).resolve().parents[2]
SETTINGS = "[pytest]\nmarkers =\n    integration:\n    e2e:\n"
TESTS = {
    "flaky": """
@pytest.mark.integration
@pytest.mark.parametrize("word", ["one [of] many"])
def test_flaky(word):
    assert "PYTEST_XDIST_WORKER" not in os.environ
""",
    "broken": """
@pytest.mark.e2e
def test_broken():
    assert False
""",
    "unready": """
@pytest.fixture
def service():
    assert "PYTEST_XDIST_WORKER" not in os.environ

@pytest.mark.integration
def test_unready(service):
    pass
""",
    "unit": """
def test_unit():
    assert "PYTEST_XDIST_WORKER" not in os.environ
""",
    "sound": """
def test_sound():
    pass
""",
}


@pytest.fixture
def look(tmp_path, capfd):
    """`look(*names)`: whether the suite of these tests passes in the end, what was said, and whether
    anything was run again."""
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["tests.failures"]\n')
    (tmp_path / "pytest.ini").write_text(SETTINGS)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    environment |= {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:django", "-p", "no:cacheprovider"]
    results = tmp_path / "test-results" / "suite"

    def look(*names: str) -> tuple[bool, str, bool]:
        for name in names:
            (tmp_path / f"test_{name}.py").write_text(f"import os\n\nimport pytest\n{TESTS[name]}")
        side_by_side, alone = [*command, "-n", "2", "--dist", "loadfile"], [*command, "-p", "no:xdist"]
        is_green = passes(side_by_side, alone, results=results, environment=environment)
        return is_green, capfd.readouterr().out, results.with_name("suite-alone.log").exists()

    return look


def test_what_passes_is_not_run_again(look):
    is_green, _, again = look("sound")
    assert (is_green, again) == (True, False)


def test_what_fails_beside_others_and_passes_alone_is_green_and_told_aloud(look, tmp_path):
    is_green, said, _ = look("flaky", "unready", "sound")
    assert is_green
    assert "failed beside others, passed alone: test_flaky.py::test_flaky[one [of] many]" in said
    assert "failed beside others, passed alone: test_unready.py::test_unready" in said
    logs = [(tmp_path / "test-results" / name).read_text() for name in ("suite.log", "suite-alone.log")]
    assert "1 failed" in logs[0] and "1 error" in logs[0] and "2 passed" in logs[1]


def test_what_fails_alone_too_is_a_failure(look):
    is_green, said, again = look("flaky", "broken")
    assert (is_green, again) == (False, True)
    assert "passed alone" not in said


def test_a_unit_test_that_fails_is_a_failure_at_once(look):
    is_green, _, again = look("flaky", "unit")
    assert (is_green, again) == (False, False)


@pytest.mark.parametrize(
    ("status", "failed", "others", "is_fair"),
    [
        (1, 3, 0, True),
        (1, 4, 0, False),
        (1, 0, 0, False),
        (1, 1, 1, False),  # a test was skipped, or a file could not be read
        (2, 1, 0, False),  # somebody broke it off
        (3, 1, 0, False),
    ],
)
def test_only_few_failures_and_nothing_else_are_looked_at_again(tmp_path, status, failed, others, is_fair):
    names = [f"test_{number}" for number in range(failed)]
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"failed": dict.fromkeys(names, True), "others": others}))
    assert worth_a_second_look(status, report) == (names if is_fair else [])


def test_a_run_without_a_report_has_no_second_look(tmp_path):
    assert worth_a_second_look(1, tmp_path / "none.json") == []


def test_what_a_test_left_behind_does_not_hold_the_run_up():
    said = subprocess.Popen(["sh", "-c", "sleep 300 & echo $!"], stdout=subprocess.PIPE)
    with said, said.stdout:
        left = b"".join(_until_end(said.stdout.fileno(), said.pid))
    os.kill(int(left), signal.SIGKILL)
