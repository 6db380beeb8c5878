"""A student with an attempt at lab 1.2, and a session of it that is ready."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone, translation

from curriculum.course import get_course
from curriculum.domain import start_attempt
from k8s_tasks.enums import SessionState
from k8s_tasks.loop import close_apis, on_loop
from k8s_tasks.models import Cluster, LabSession
from tests.pods import NODES, pod


@pytest.fixture(autouse=True)
def english():
    """Refusals are read in English, whether or not the translations have been compiled."""
    with translation.override("en"):
        yield


@pytest.fixture
def lab():
    return get_course().lab("ping-and-netcat")


@pytest.fixture
def student(db):
    return get_user_model().objects.create_user("ana", language="en")


@pytest.fixture
def attempt(student, lab):
    return start_attempt(student, lab)


@pytest.fixture
def cluster(db):
    facts = {"kubeconfig_path": "/nowhere", "uid": "one", "is_healthy": True, "is_default": True}
    return Cluster.objects.create(name="netlab", **facts)


@pytest.fixture
def session(attempt, cluster, redis_client):
    return LabSession.objects.create(
        attempt=attempt,
        cluster=cluster,
        cluster_uid="one",
        namespace=f"lab-{uuid.uuid4().hex[:8]}",
        state=SessionState.READY,
        bindings={"nodes": NODES, "pods": [pod("ana", 1), pod("beto", 1, 3), pod("carla", 2)]},
        expires_at=timezone.now() + timedelta(minutes=60),
    )


@pytest.fixture(scope="session", autouse=True)
def closed_connections():
    yield
    on_loop(close_apis())
