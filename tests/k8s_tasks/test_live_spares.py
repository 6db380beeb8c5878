"""A session that waited for nobody, on the real cluster: it serves its student as any other does."""

import pytest

from curriculum.course import get_course
from curriculum.domain import sync_labs
from curriculum.models import Lab
from k8s_tasks import preparing
from k8s_tasks.domain import spares
from k8s_tasks.domain.sessions import begin_attempt, end_session
from k8s_tasks.domain.spares import drop_spare, tend_spares
from k8s_tasks.enums import RunState, SessionState
from k8s_tasks.models import Cluster, KeptReady, SpareSession
from tests.k8s_tasks.live import real_cluster, run_step
from tests.kubectl import Kubectl
from tests.waiting import until

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.fixture
def asked(monkeypatch, redis_client) -> list[tuple]:
    asked = []
    monkeypatch.setattr(spares, "enqueue", lambda task, id, **more: asked.append((task, id, more)))
    return asked


@pytest.fixture
def spare(stack, lab, asked) -> SpareSession:
    """One that a worker has prepared."""
    real_cluster(stack)
    sync_labs(get_course())
    KeptReady.objects.create(lab=Lab.objects.get(slug=lab.slug), count=1)
    tend_spares()
    ((task, id, _),) = asked
    assert task == "prepare_spare"
    preparing.prepare_spare(str(id))
    asked.clear()
    spare = SpareSession.objects.get()
    assert spare.is_ready, KeptReady.objects.get().failure
    Cluster.objects.update(uid=spare.cluster_uid)  # as the watcher does when it has met the cluster
    return spare


def test_its_student_works_in_it_at_once(spare, student, lab):
    session = begin_attempt(student, lab).sessions.get()
    assert session.state == SessionState.READY

    run = run_step(session, lab.step("ping-near"), student)

    assert (run.state, run.exit_code) == (RunState.SUCCEEDED, 0)
    end_session(session, "tested")
    preparing.clear_session(session.pk)


def test_one_that_is_thrown_away_leaves_nothing_on_the_cluster(spare, asked, stack):
    kubectl = Kubectl(stack)
    assert kubectl.namespace_of(str(spare.pk)) == spare.namespace
    assert drop_spare(spare)
    ((task, id, more),) = asked
    assert task == "clear_spare"
    preparing.clear_spare(str(id), **more)
    until(lambda: spare.namespace not in kubectl("get", "ns", "-o", "name"))


def test_one_that_was_taken_is_never_cleared(spare, student, lab, stack):
    facts = {"namespace": spare.namespace, "cluster": spare.cluster_id}
    session = begin_attempt(student, lab).sessions.get()
    preparing.clear_spare(str(session.pk), **facts)
    assert spare.namespace in Kubectl(stack)("get", "ns", "-o", "name")
    end_session(session, "tested")
    preparing.clear_session(session.pk)
