"""What a Prometheus reads: only with the token, in its own format, with the portal's own figures."""

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from k8s_tasks.enums import RunState
from k8s_tasks.models import Run
from k8s_tasks.queue import STREAMS, enqueue


@pytest.fixture
def scraper(settings):
    settings.OPTIONS = {**settings.OPTIONS, "METRICS_TOKEN": "of-prometheus"}
    return Client(headers={"Authorization": "Bearer of-prometheus"})


def samples(response) -> dict[tuple, float]:
    assert response.status_code == 200
    families = text_string_to_metric_families(response.content.decode())
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("borne", ["", "Bearer of-prometheu", "of-prometheus-", "Bearer "])
def test_without_the_token_there_is_nothing(db, scraper, borne):
    assert Client(headers={"Authorization": borne}).get("/metrics").status_code == 404


def test_where_no_token_is_set_no_token_opens(db):
    assert Client(headers={"Authorization": "Bearer "}).get("/metrics").status_code == 404


def test_pages_are_counted_by_their_route(db, scraper):
    before = samples(scraper.get("/metrics")).get(("portal_http_requests_total", "200", "GET", "login"), 0)
    Client().get("/login/?next=/secret/")

    found = samples(scraper.get("/metrics"))

    assert found[("portal_http_requests_total", "200", "GET", "login")] == before + 1
    assert found[("portal_http_request_seconds_count", "login")] >= 1
    assert not any("secret" in label for key in found for label in key)


def test_the_portal_tells_its_sessions_runs_and_how_long_a_start_took(world, scraper, redis_client):
    run = world.run
    Run.objects.filter(pk=run.pk).update(state=RunState.SUCCEEDED, started_at=run.created_at)

    found = samples(scraper.get("/metrics"))

    cluster = world.session.cluster.name
    assert found[("portal_lab_sessions", *sorted([cluster, world.session.state]))] == 1
    assert found[("portal_recent_runs", *sorted([run.kind, "succeeded"]))] == 1
    assert found[("portal_run_start_seconds", "0.5")] == 0
    assert found[("portal_service_up", "redis")] == 1


def test_what_waits_for_a_worker_is_counted(db, scraper, redis_client):
    redis_client.delete(STREAMS)
    for number in range(3):
        enqueue("run_command", number, queue=STREAMS)
    try:
        assert samples(scraper.get("/metrics"))[("portal_queue_length", STREAMS)] == 3
    finally:
        redis_client.delete(STREAMS)


def test_what_cannot_be_asked_is_left_out_and_not_told_as_zero(db, scraper, monkeypatch):
    def broken():
        raise OSError("no such socket")

    monkeypatch.setattr("k8s_tasks.queries.queue_lengths", broken)

    assert not [key for key in samples(scraper.get("/metrics")) if key[0] == "portal_queue_length"]
