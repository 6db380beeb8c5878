"""Health is told in status and names, and to strangers in nothing more."""

import redis
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client


def test_all_well(db, healthy):
    response = Client().get("/healthz")

    assert (response.status_code, response.json()["missing"]) == (200, [])


def test_what_does_not_answer_is_named(db, healthy):
    healthy["watcher"] = {"ok": False, "detail": "/tmp/secret/redis.sock refused"}

    response = Client().get("/healthz")

    assert (response.status_code, response.json()["missing"]) == (503, ["watcher"])
    assert "secret" not in response.content.decode()


def test_a_portal_without_a_cluster_is_a_portal_still(db, healthy):
    healthy["cluster:netlab"] = {"ok": False, "detail": "barred"}

    response = Client().get("/healthz")

    assert response.status_code == 200
    assert response.json()["parts"]["cluster:netlab"] is False


def test_what_is_missing_is_logged_and_is_no_error(db, healthy, caplog):
    caplog.set_level("INFO")
    healthy["watcher"] = {"ok": False, "detail": ""}

    Client().get("/healthz")

    assert [(each.levelname, each.message) for each in caplog.records] == [("INFO", "not ready: watcher")]


def test_a_portal_without_a_cluster_tells_how_to_attach_one(db, healthy):
    healthy["cluster:netlab"] = {"ok": False, "detail": "barred"}

    home, told = Client().get("/"), Client().get("/attach/")

    assert 'href="/attach/"' in home.content.decode()
    assert "kind get kubeconfig --internal" in told.content.decode()
    assert "barred" not in told.content.decode()


def test_a_web_process_is_ready_without_workers_and_clusters(db, redis_client):
    response = Client().get("/readyz")

    assert (response.status_code, response.json()) == (200, {"ready": True, "wrong": {}})


def test_what_keeps_it_from_serving_is_told_in_sentences(db, monkeypatch):
    monkeypatch.setattr("k8s_tasks.queries.redis_client", lambda: redis.Redis(unix_socket_path="/nowhere"))
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes("sessions")[0]
    MigrationRecorder(connection).record_unapplied(*newest)

    response = Client(headers={"Accept-Language": "en"}).get("/readyz")

    assert response.status_code == 503
    assert response.json()["wrong"] == {
        "database": "migrations wait to be applied: manage.py migrate",
        "redis": "does not answer",
    }
    assert Client().get("/livez").status_code == 200
