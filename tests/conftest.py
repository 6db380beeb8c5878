"""Services for the tests: a real Redis, and the whole portal with its cluster.

Tests run in the order unit, integration, browser: the quick ones speak first. Of the integration
and browser tests, the files of longest.txt come first, the longest of all foremost: of two processes
that share the files none shall begin a long one when the other has nothing left. A test that cannot
have its service fails; a skipped one fails the run, for it has proven nothing.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.management import create_contenttypes
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models.signals import post_migrate

from deploy.local.lifeline import die_with_parent
from deploy.local.own_database import SERVER, OwnDatabase
from deploy.local.redis_server import find_redis, redis_command
from deploy.local.stack import Stack
from tests.otlp import Collector

PROJECT = Path(__file__).resolve().parents[1]
pytest_plugins = ["tests.failures"]
# From test-results/pytest.seconds of a whole run; a file that is not in it comes after those that are.
LONGEST = (PROJECT / "tests/longest.txt").read_text().split()


def pytest_sessionstart(session):
    """Build what a plain `pytest` needs and `make test` has built before: assets, translations, images."""
    if _is_worker(session.config) or os.environ.get("VERIFYING"):
        return  # whoever started this one has done it
    set_up = [sys.executable, str(PROJECT / "deploy/local/setup.py"), "--for", "pytest"]
    done = subprocess.run(
        set_up, env=os.environ | {"REDES_VENV": sys.prefix}, text=True, stderr=subprocess.PIPE
    )
    if done.returncode:
        pytest.exit(done.stderr.strip(), returncode=pytest.ExitCode.USAGE_ERROR)


def _is_worker(config) -> bool:
    """Whether this is one of the parallel processes that `pytest -n` starts."""
    return hasattr(config, "workerinput")


def pytest_collection_modifyitems(config, items):
    items.sort(key=_place)
    if os.geteuid() != 0:
        for_root = [item for item in items if item.get_closest_marker("root")]
        config.hook.pytest_deselected(items=for_root)
        items[:] = [item for item in items if item not in for_root]


def _place(item) -> tuple[int, int]:
    name = item.nodeid.partition("::")[0]
    stage = _stage(item)
    return stage, LONGEST.index(name) if stage and name in LONGEST else len(LONGEST)


def _stage(item) -> int:
    return 2 if item.get_closest_marker("e2e") else int(item.get_closest_marker("integration") is not None)


def pytest_sessionfinish(session, exitstatus):
    if _is_worker(session.config):
        return  # all results are counted where they come together
    skipped = session.config.pluginmanager.get_plugin("terminalreporter").stats.get("skipped", [])
    if skipped and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """After each flush of the database Django works the rights out anew, app by app, which costs more than
    most tests: here the rows that it found first come back.

    On PostgreSQL a connection that a test's thread has left would keep the tests' database alive."""
    with django_db_blocker.unblock():
        rows = [row for model in (ContentType, Permission) for row in model.objects.order_by("pk")]

    def restore(app_config, **_) -> None:
        if app_config.label == "auth":
            for model in (ContentType, Permission):
                model.objects.bulk_create(row for row in rows if isinstance(row, model))
            ContentType.objects.clear_cache()

    post_migrate.disconnect(dispatch_uid="django.contrib.auth.management.create_permissions")
    post_migrate.disconnect(create_contenttypes)
    post_migrate.connect(restore, weak=False)
    yield
    if server := os.environ.get(SERVER):
        OwnDatabase.end_connections(server, connection.settings_dict["NAME"])


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory) -> str:
    """The address, in the settings as REDIS_URL, of a real Redis that lives as long as the session."""
    url = settings.REDIS_URL
    command = redis_command(
        find_redis(), socket=Path(url.removeprefix("unix://")), data=tmp_path_factory.mktemp("redis")
    )
    ours = os.getpid()
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, preexec_fn=lambda: die_with_parent(signal.SIGKILL, ours)
    )
    assert any("ready to accept connections" in line.lower() for line in server.stdout), "Redis did not start"
    server.stdout.close()
    yield url
    server.terminate()
    server.wait(20)


@pytest.fixture
def redis_client(redis_url):
    """A client of the session's Redis, which is empty at the start of each test."""
    with redis.Redis.from_url(redis_url, socket_timeout=10) as client:
        client.flushall()
        yield client


@pytest.fixture(scope="session")
def collector():
    """Where the portal of `stack` sends its traces."""
    with Collector() as collecting:
        yield collecting


@pytest.fixture(scope="session")
def stack(tmp_path_factory, collector):
    """The whole portal as `make run` starts it: Redis, netlab, web, workers and watcher."""
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        environ.setenv("OTEL_BSP_SCHEDULE_DELAY", "200")  # milliseconds
        running = Stack(tmp_path_factory.mktemp("stack"))
    with running:
        yield running
