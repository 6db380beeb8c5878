"""A session of the workshop on the real cluster, and a worker that runs its steps."""

import pytest

from curriculum.course import get_course
from curriculum.domain import start_attempt
from k8s_tasks.entries import read_entries
from k8s_tasks.loop import api_of, on_loop
from tests import workshop
from tests.k8s_tasks.live import prepared, real_cluster, run_step


@pytest.fixture
def workshop_course(tmp_path, settings):
    """The workshop is the course of the installation."""
    settings.OPTIONS = settings.OPTIONS | {"COURSE": workshop.write_course(tmp_path)}
    get_course.cache_clear()
    yield
    get_course.cache_clear()


@pytest.fixture
def lab(workshop_course):
    return get_course().lab(workshop.LAB)


@pytest.fixture
def live_cluster(stack, transactional_db):
    return real_cluster(stack)


@pytest.fixture
def sitting(live_cluster, student, lab, redis_client):
    """A session that is ready."""
    with prepared(start_attempt(student, lab)) as session:
        yield session


@pytest.fixture
def api(sitting):
    return on_loop(api_of(sitting.cluster.kubeconfig_path))


@pytest.fixture
def act(sitting, lab, student):
    return lambda step: run_step(sitting, lab.step(step), student)


@pytest.fixture
def printed():
    """What a run has printed, stderr too."""

    def printed(run) -> str:
        entries = read_entries(run.pk)
        return b"".join(each.data for each in entries if each.source in ("stdout", "stderr")).decode()

    return printed
