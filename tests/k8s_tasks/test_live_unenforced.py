"""A cluster whose network plugin does not enforce NetworkPolicies: nothing is taught or decided there that
would be false."""

import pytest

from curriculum.course import get_course
from curriculum.enums import Verdict
from k8s_tasks import preparing, running
from k8s_tasks.domain.capabilities import capability_of
from k8s_tasks.domain.runs import start_run
from k8s_tasks.domain.sessions import SessionError, end_session, start_session
from k8s_tasks.measuring import preflight
from k8s_tasks.models import Cluster
from k8s_tasks.verifying import find
from tests.netlab.conftest import start

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

BLOCKING = ("matrix", "db-only-web", "buyer-served")


@pytest.fixture(scope="module")
def lax_netlab(stack, tmp_path_factory):
    """netlab with `--no-policy`; the stack has built its images."""
    netlab = start(tmp_path_factory.mktemp("lax"), "--no-policy")
    yield netlab
    netlab.process.terminate()
    netlab.process.wait(20)


@pytest.fixture
def cluster(lax_netlab, transactional_db, redis_client):
    """Registered and measured."""
    facts = {"kubeconfig_path": str(lax_netlab.kubeconfig), "is_healthy": True, "is_default": True}
    cluster = Cluster.objects.create(name="lax", **facts)
    preflight(str(cluster.pk))
    cluster.refresh_from_db()
    Cluster.objects.filter(pk=cluster.pk).update(uid=cluster.measured_uid)
    cluster.refresh_from_db()
    return cluster


@pytest.fixture
def lab():
    return get_course().lab("block-namespaces")


def test_the_preflight_finds_it(cluster):
    found = capability_of(cluster, "networkpolicy")
    assert found["state"] == "absent"
    assert found["reason"]["en"] == "A connection that a NetworkPolicy forbids went through."


def test_the_lab_on_policies_does_not_start_and_says_why(attempt, cluster):
    with pytest.raises(SessionError, match="networkpolicy: A connection that a NetworkPolicy forbids"):
        start_session(attempt)


def test_no_block_is_decided_there_even_with_the_policies_in_place(attempt, cluster, lab, student):
    """Somebody who may choose the cluster, as `labs solve --cluster` does, gets no verdict either."""
    session = start_session(attempt, cluster=cluster)
    preparing.prepare_session(str(session.pk))
    session.refresh_from_db()
    for step in ("deny", "allow-buyer", "allow-db", "allow-client"):
        run = start_run(session, lab.step(step), user=student)
        running.run_command(str(run.pk), columns=80, rows=24)
        run.refresh_from_db()
        assert run.exit_code == 0
    findings = find(session, lab, list(lab.conditions))
    told = {key: (findings[key].verdict, findings[key].reason["en"]) for key in BLOCKING}
    reason = "This cluster was not proven to enforce NetworkPolicies, so a silence proves nothing."
    assert told == dict.fromkeys(BLOCKING, (Verdict.UNDECIDED, reason))
    end_session(session, "tested")
    preparing.clear_session(session.pk)
