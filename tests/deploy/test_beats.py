"""The health checks of the containers' workers."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from k8s_tasks.redis_keys import service_beat

PROJECT = Path(__file__).resolve().parents[2]


def beat_of(service: str) -> subprocess.CompletedProcess:
    command = [sys.executable, str(PROJECT / "deploy/compose/beats.py"), service]
    environment = os.environ | {"REDIS_URL": settings.REDIS_URL}
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_worker_is_well_while_redis_holds_its_beat(redis_client):
    redis_client.set(service_beat("streams"), 1)
    assert beat_of("streams").returncode == 0
    dead = beat_of("verify")
    assert (dead.returncode, dead.stderr) == (1, "verify gives no sign of life\n")


def test_a_redis_that_is_away_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(settings, "REDIS_URL", f"unix://{tmp_path}/nobody.sock")
    asked = beat_of("streams")
    assert asked.returncode == 1 and asked.stderr.startswith("Redis does not answer: ")


def test_asking_imports_neither_django_nor_the_client_of_redis():
    code = (
        "import sys, deploy.compose.beats; print(sorted({'django', 'redis', 'k8s_tasks'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    assert (done.stdout, done.stderr) == ("[]\n", "")
