"""An author's preview, as they start it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request

import pytest
from django.conf import settings

from curriculum.course import CONTENT


@pytest.fixture
def course(tmp_path):
    shutil.copytree(CONTENT / "01-foundations", tmp_path / "01-foundations")
    return tmp_path


@pytest.fixture
def preview(course):
    """The address of a preview, which ends as it does by Ctrl-C."""
    command = [sys.executable, "manage.py", "labs", "preview", "ping-and-netcat"]
    # The tests' settings would put COURSE aside.
    inherited = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    process = subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=inherited | {"COURSE": str(course)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if "Ctrl-C ends" in line:
            break
    yield re.search(r"http://[^/]+", "".join(said))[0]
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, process.stdout.read()


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=30) as answer:
        return answer.read().decode()


@pytest.mark.integration
@pytest.mark.timeout(240)
def test_a_saved_file_is_seen_and_a_mistake_is_told_on_the_page(preview, course):
    before = json.loads(read(preview + "/preview/"))
    lab = course / "01-foundations/ping-and-netcat/lab.yaml"
    lab.write_text(lab.read_text().replace("minutes: 20", "minutes: 2"))
    while json.loads(read(preview + "/preview/")) == before:
        pass  # at most half a second: the portal looks no more often
    assert "the least is 5" in read(preview + "/labs/ping-and-netcat/recording/")
