"""A session on the real cluster, and a worker that runs its steps: for the tests of the worker's parts."""

from collections.abc import Iterator
from contextlib import contextmanager

from k8s_tasks import preparing, running
from k8s_tasks.domain.runs import start_run
from k8s_tasks.domain.sessions import end_session, start_session
from k8s_tasks.enums import SessionState
from k8s_tasks.models import Cluster, LabSession, Run


def real_cluster(stack) -> Cluster:
    facts = {"kubeconfig_path": str(stack.kubeconfig), "is_healthy": True, "is_default": True}
    return Cluster.objects.create(name="real", **facts)


@contextmanager
def prepared(attempt) -> Iterator[LabSession]:
    """A session that is ready, and cleared away afterwards."""
    session = start_session(attempt)
    preparing.prepare_session(str(session.pk))
    session.refresh_from_db()
    assert session.state == SessionState.READY, session.message
    yield session
    end_session(session, "tested")
    preparing.clear_session(session.pk)


def run_step(session: LabSession, step, user) -> Run:
    """Run a step to its end, as a worker does."""
    run = start_run(session, step, user=user)
    running.run_command(str(run.pk), columns=80, rows=24)
    run.refresh_from_db()
    return run
