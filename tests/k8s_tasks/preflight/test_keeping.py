"""What was measured is kept, asked for anew when it must be, and decides where a lab may start."""

import dataclasses
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from curriculum.enums import Capability
from k8s_tasks.domain import capabilities, sessions
from k8s_tasks.domain.capabilities import ask_preflight, choose_cluster, keep_capabilities, needs_preflight
from k8s_tasks.domain.sessions import SessionError, start_session
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.preflight.findings import absent, broken, present

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sent(monkeypatch) -> list:
    sent = []
    monkeypatch.setattr(capabilities, "enqueue", lambda *call: sent.append(call))
    return sent


@pytest.fixture
def measured(cluster, redis_client):
    """`measured(finding)`: the cluster after a preflight that found this of netem."""

    def keep(finding, on=cluster):
        keep_capabilities(on, on.uid, {"netem": finding.told()})
        on.refresh_from_db()
        return on

    return keep


def test_a_cluster_is_measured_when_it_is_new_and_when_another_stands_there(measured, cluster):
    assert needs_preflight(cluster)
    assert not needs_preflight(measured(present("Ready")))
    cluster.uid = "two"
    assert needs_preflight(cluster)


@pytest.mark.parametrize(
    ("finding", "minutes", "again"),
    [
        (broken("no agent"), 4, False),
        (broken("no agent"), 6, True),
        (absent("No netem."), 59, False),
        (absent("No netem."), 61, True),
        (present("Ready"), 600, False),
    ],
)
def test_what_is_not_there_is_measured_again_later(measured, finding, minutes, again):
    cluster = measured(finding)
    cluster.measured_at = timezone.now() - timedelta(minutes=minutes)
    assert needs_preflight(cluster) == again


def test_one_preflight_at_a_time_is_asked_for(cluster, measured, sent):
    ask_preflight(cluster)
    ask_preflight(cluster)
    assert sent == [("preflight", cluster.pk)]
    ask_preflight(measured(present("Ready")))
    assert len(sent) == 2


@pytest.fixture
def needs_netem(monkeypatch):
    monkeypatch.setattr(sessions, "required_by", lambda slug: (Capability.NETEM,))


@pytest.mark.parametrize("finding", [absent("No netem."), broken("no agent"), None])
def test_a_lab_does_not_start_where_its_need_is_not_there_for_sure(attempt, measured, needs_netem, finding):
    if finding:
        measured(finding)
    reason = finding.told()["reason"]["en"] if finding else "has not been measured"
    with pytest.raises(SessionError, match=reason):
        start_session(attempt)
    assert not LabSession.objects.exists()


def test_a_lab_starts_on_the_cluster_that_has_what_it_needs(measured, cluster):
    other = Cluster.objects.create(name="kind", kubeconfig_path="/none", uid="two", is_healthy=True)
    measured(absent("No netem."))
    measured(present("Ready"), on=other)
    assert choose_cluster((Capability.NETEM,)) == (other, None)
    assert choose_cluster(()) == (cluster, None)


def test_the_lab_page_says_why_in_the_place_of_the_button(client, student, lab, measured, monkeypatch):
    measured(absent("No netem."))
    needing = dataclasses.replace(lab, requires=(Capability.NETEM,))
    monkeypatch.setattr("portal.labs.lab_or_404", lambda slug: needing)
    health = {"cluster:netlab": {"ok": True, "detail": ""}}
    monkeypatch.setattr("k8s_tasks.queries.service_health", lambda: health)
    client.force_login(student)
    page = client.get(f"/labs/{lab.slug}/").content.decode()
    assert "netem: No netem." in page
    assert f"/labs/{lab.slug}/start/" not in page


def test_the_administrator_reads_the_reasons_and_asks_anew(client, cluster, measured, sent):
    measured(absent("No netem."))
    client.force_login(get_user_model().objects.create_superuser("root"))
    page = client.get(f"/admin/k8s_tasks/cluster/{cluster.pk}/change/").content.decode()
    assert "<th>netem</th><td>Absent</td><td>No netem.</td>" in page.replace("Ausente", "Absent")
    form = {"action": "measure", "_selected_action": [str(cluster.pk)]}
    assert client.post("/admin/k8s_tasks/cluster/", form).status_code == 302
    assert sent == [("preflight", cluster.pk)]


def test_two_do_not_measure_a_cluster_at_one_moment(measured, cluster, sent):
    assert capabilities.claim_preflight(cluster)
    ask_preflight(cluster)
    assert sent == [] and not capabilities.claim_preflight(cluster)
    measured(present("found"))
    assert capabilities.claim_preflight(cluster)
