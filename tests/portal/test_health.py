"""Health is told in status and names, and to strangers in nothing more."""

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
