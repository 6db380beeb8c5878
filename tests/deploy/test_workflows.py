"""The public CI, as far as it can be judged here: what GitHub reads, and chores that exist."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.local.help import chores

PROJECT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))


def steps(path: Path) -> list[dict]:
    return [step for job in yaml.safe_load(path.read_text())["jobs"].values() for step in job["steps"]]


def test_they_are_what_github_reads():
    command = [str(Path(sys.prefix) / "bin/check-jsonschema"), "--builtin-schema", "vendor.github-workflows"]
    done = subprocess.run([*command, *map(str, WORKFLOWS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_they_run_only_chores_that_exist():
    said = [step.get("run", "") for path in WORKFLOWS for step in steps(path)]
    run = {
        name
        for text in said
        for name in re.findall(r"^(?:\.venv/bin/python \S+ -- )?make ([a-z-]+)", text, re.MULTILINE)
    }
    assert run == {"setup", "test", "soak", "kind", "verify-cluster", "kind-down"}
    assert run <= {name for name, _ in chores(PROJECT / "Makefile")}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_they_may_only_read(path):
    assert yaml.safe_load(path.read_text())["permissions"] == {"contents": "read"}
