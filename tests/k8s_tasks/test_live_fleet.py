"""Three real clusters, one of them killed in the middle of a class."""

import asyncio
import signal
import subprocess
import sys

import pytest
from django.contrib.auth import get_user_model

from curriculum.domain import start_attempt, store_pass
from k8s_tasks import preparing
from k8s_tasks.domain.sessions import lose_sessions_of_silent_clusters, start_session
from k8s_tasks.enums import SessionState
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.watching import ClusterWatch
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

NAMES = ("east", "north", "west")


@pytest.fixture(scope="module")
def netlabs(tmp_path_factory):
    """{name: process} of three clusters without add-ons; each has its kubeconfig in `folder(name)`."""
    subprocess.run([sys.executable, "-m", "netlab", "image", "build"], check=True, capture_output=True)
    processes = {}
    for name in NAMES:
        options = ["--state", str(folder(tmp_path_factory, name)), "--port", "0", "--workers", "2"]
        command = [sys.executable, "-m", "netlab", "up", *options, "--addons", "none"]
        processes[name] = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield processes
    for process in processes.values():
        process.terminate()
    for process in processes.values():
        process.wait(30)


def folder(tmp_path_factory, name: str):
    return tmp_path_factory.getbasetemp() / f"netlab-{name}"


@pytest.fixture
def fleet(netlabs, tmp_path_factory, transactional_db, redis_client, monkeypatch):
    """The three, registered and healthy, with one place more than a class of three needs."""
    monkeypatch.setattr("k8s_tasks.watching.needs_preflight", lambda cluster: False)
    monkeypatch.setattr("k8s_tasks.domain.sessions.required_by", lambda slug: ())
    for name in NAMES:
        path = folder(tmp_path_factory, name) / "kubeconfig"
        Cluster.objects.create(name=name, kubeconfig_path=str(path), capacity=2)
    until(lambda: look() or not Cluster.objects.filter(is_healthy=False).exists(), seconds=90)


def look() -> None:
    """What the watcher does every few seconds."""

    async def once():
        async with asyncio.TaskGroup() as group:
            watch = ClusterWatch(group)
            await watch.look()
            for path in list(watch._apis):
                await watch._forget(path)

    asyncio.run(once())
    lose_sessions_of_silent_clusters()


def begin(attempt) -> LabSession:
    session = start_session(attempt)
    preparing.prepare_session(str(session.pk))
    session.refresh_from_db()
    assert session.state == SessionState.READY, session.message
    return session


def test_a_cluster_dies_and_the_class_goes_on(fleet, netlabs, lab, settings):
    settings.OPTIONS = settings.OPTIONS | {"CLUSTER_SILENT_SECONDS": 0}
    people = [get_user_model().objects.create_user(name, language="en") for name in ("ana", "beto", "carla")]
    sessions = {s.cluster.name: s for s in (begin(start_attempt(person, lab)) for person in people)}
    assert set(sessions) == set(NAMES)
    lost = sessions["north"]
    store_pass(lost.attempt, lab.conditions[0].key, {"en": "Seen.", "pt-br": "Visto."}, {})

    netlabs["north"].send_signal(signal.SIGKILL)
    netlabs["north"].wait(30)
    until(lambda: look() or LabSession.objects.get(pk=lost.pk).state == SessionState.GONE, seconds=60)

    lost.refresh_from_db()
    assert "north no longer answers" in lost.message
    others = LabSession.objects.exclude(pk=lost.pk)
    assert {each.state for each in others} == {SessionState.READY}
    again = begin(lost.attempt)
    assert again.cluster.name in ("east", "west")
    assert [each.condition for each in again.attempt.passes.all()] == [lab.conditions[0].key]
    newcomer = begin(start_attempt(get_user_model().objects.create_user("davi", language="en"), lab))
    assert {again.cluster.name, newcomer.cluster.name} == {"east", "west"}
