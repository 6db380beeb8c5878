"""The portal from nothing but the files that its image holds: what it reads besides is missing there."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.deploy.test_images import PORTAL, copied

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
def image(tmp_path) -> Path:
    """The folder /app of the image."""
    app = tmp_path / "app"
    app.mkdir()
    for source, target in copied(PORTAL.rpartition("\nFROM ")[2]):
        place = app / target
        if (PROJECT / source).is_dir():
            shutil.copytree(PROJECT / source, place, ignore=shutil.ignore_patterns("__pycache__", "dist"))
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / source, place)
    for built in ("locale", "static/dist"):
        shutil.copytree(PROJECT / built, app / built, dirs_exist_ok=True)
    return app


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    (tmp_path / "key").write_text("k" * 60)
    (tmp_path / "url").write_text(f"sqlite:///{tmp_path}/portal.sqlite3")
    state = tmp_path / "state"
    state.mkdir()
    given = {"SECRET_KEY_FILE": "key", "DATABASE_URL_FILE": "url"}
    return {
        "PATH": os.environ["PATH"],
        "HOST": "0.0.0.0",
        "DEMO_ACCOUNTS": "no",
        "STATE_DIR": str(state),
        "REDIS_URL": "redis://127.0.0.1:9/0",
        **{name: str(tmp_path / file) for name, file in given.items()},
    }


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def page(url: str) -> str:
    until = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            assert time.monotonic() < until, f"{url} does not answer"


def test_it_starts_and_serves_the_course_and_how_to_attach_a_cluster(image, environment):
    for words in (["migrate", "--no-input"], ["load_course"]):
        subprocess.run([sys.executable, "manage.py", *words], cwd=image, env=environment, check=True)
    port = free_port()
    command = ["-m", "uvicorn", "portal.asgi:application", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen([sys.executable, *command], cwd=image, env=environment) as web:
        try:
            assert "createsuperuser" in page(f"http://127.0.0.1:{port}/attach/")
            assert "ping-and-netcat" in page(f"http://127.0.0.1:{port}/chapters/foundations/")
        finally:
            web.terminate()


def test_it_finds_what_it_installs_on_clusters(image, environment):
    script = (
        "import django; django.setup(); from k8s_tasks.cluster import agent, fence;"
        "print(agent.MANIFEST.is_file(), *sorted(path.name for path in fence.POLICIES.glob('*.yaml')))"
    )
    command = [sys.executable, "-c", script]
    settings = {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    done = subprocess.run(command, cwd=image, env=environment | settings, capture_output=True, text=True)
    policies = sorted(path.name for path in (PROJECT / "deploy" / "policies").glob("*.yaml"))
    assert done.stdout.split() == ["True", *policies], done.stderr
