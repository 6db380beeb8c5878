"""A session of the workshop on the real cluster, and a worker that runs its steps."""

import pytest

from curriculum.course import get_course
from curriculum.domain import start_attempt
from k8s_tasks import preparing, running
from k8s_tasks.domain.runs import start_run
from k8s_tasks.domain.sessions import end_session, start_session
from k8s_tasks.entries import read_entries
from k8s_tasks.enums import SessionState
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import Cluster
from tests import workshop


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
    facts = {"kubeconfig_path": str(stack.kubeconfig), "is_healthy": True, "is_default": True}
    return Cluster.objects.create(name="real", **facts)


@pytest.fixture
def sitting(live_cluster, student, lab, redis_client):
    """A session that is ready."""
    session = start_session(start_attempt(student, lab))
    preparing.prepare_session(str(session.pk))
    session.refresh_from_db()
    assert session.state == SessionState.READY, session.message
    yield session
    end_session(session, "tested")
    preparing.clear_session(session.pk)


@pytest.fixture
def api(sitting):
    return on_loop(api_of(sitting.cluster.kubeconfig_path))


@pytest.fixture
def act(sitting, lab, student):
    """Run a step to its end, as a worker does."""

    def act(step):
        run = start_run(sitting, lab.step(step), user=student)
        running.run_command(str(run.pk), columns=80, rows=24)
        run.refresh_from_db()
        return run

    return act


@pytest.fixture
def printed():
    """What a run has printed, stderr too."""

    def printed(run) -> str:
        entries = read_entries(run.pk)
        return b"".join(each.data for each in entries if each.source in ("stdout", "stderr")).decode()

    return printed
