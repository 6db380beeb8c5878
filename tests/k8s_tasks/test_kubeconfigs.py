"""Kubeconfigs that come from a web page: plain data only, kept sealed, read from a private file."""

import base64
import os
import stat
from pathlib import Path

import pytest
import yaml
from django.contrib.auth import get_user_model

from k8s_tasks.cluster.api import connect
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.kubeconfigs import KubeconfigRefused, checked, seal
from k8s_tasks.loop import on_loop
from k8s_tasks.models import Cluster

DATA = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()


def config(**changed) -> dict:
    cluster = {"server": "https://10.0.0.1:6443", "certificate-authority-data": DATA}
    context = {"cluster": "school", "user": "admin", **changed.pop("context", {})}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "school", "cluster": {**cluster, **changed.pop("cluster", {})}}],
        "users": [{"name": "admin", "user": {"token": "t0k3n", **changed.pop("user", {})}}],
        "contexts": [{"name": "c", "context": context}],
        "current-context": "c",
        **changed,
    }


def test_what_is_plain_is_taken_and_only_the_current_context_of_it():
    found = config()
    found["users"].append({"name": "other", "user": {"exec": {"command": "evil"}}})
    found["preferences"] = {"colors": True}
    kept = yaml.safe_load(checked(yaml.safe_dump(found)))
    assert kept["users"] == [{"name": "user", "user": {"token": "t0k3n"}}]
    assert kept["clusters"][0]["cluster"]["server"] == "https://10.0.0.1:6443"


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("user", "exec", {"command": "sh", "args": ["-c", "id"]}),
        ("user", "auth-provider", {"name": "gcp", "config": {"cmd-path": "/bin/sh"}}),
        ("user", "client-certificate", "/etc/passwd"),
        ("user", "client-key", "/etc/shadow"),
        ("user", "tokenFile", "/etc/shadow"),
        ("user", "username", "x"),
        ("user", "as", "system:admin"),
        ("cluster", "certificate-authority", "/etc/passwd"),
        ("cluster", "insecure-skip-tls-verify", True),
        ("cluster", "proxy-url", "http://evil:3128"),
        ("cluster", "disable-compression", True),
        ("context", "anything-new", "x"),
    ],
)
def test_what_may_run_read_or_redirect_is_refused_by_its_name(part, key, value):
    with pytest.raises(KubeconfigRefused, match=key):
        checked(yaml.safe_dump(config(**{part: {key: value}})))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "no YAML"),
        ("- a", "no kubeconfig"),
        ("!!python/object/apply:os.system ['id']", "no YAML"),
        ("x" * 300_000, "too large"),
        (yaml.safe_dump(config(**{"current-context": "gone"})), "nothing called gone"),
        (yaml.safe_dump(config(cluster={"server": "http://10.0.0.1"})), "https"),
        (yaml.safe_dump(config(cluster={"server": "https://[bad"})), "https"),
        (yaml.safe_dump(config(cluster={"certificate-authority-data": "not base64!"})), "no base64"),
        (yaml.safe_dump(config(user={"token": ""})), "empty"),
        (yaml.safe_dump(config(users=[{"name": "admin", "user": {}}])), "neither"),
    ],
)
def test_what_is_no_usable_kubeconfig_is_told(text, why):
    with pytest.raises(KubeconfigRefused, match=why):
        checked(text)


@pytest.fixture
def uploaded(db):
    Cluster.objects.create(name="school", kubeconfig=seal(checked(yaml.safe_dump(config()))))
    return Cluster.objects.get(name="school")


def test_it_is_sealed_in_the_database_and_private_on_the_disk(uploaded):
    assert b"t0k3n" not in bytes(uploaded.kubeconfig)
    path = Path(uploaded.kubeconfig_path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert yaml.safe_load(path.read_text())["users"][0]["user"]["token"] == "t0k3n"


def test_with_another_secret_key_its_health_says_what_to_do(uploaded, settings):
    Path(uploaded.kubeconfig_path).unlink()
    settings.SECRET_KEY = "another" * 8
    with pytest.raises(ClusterError, match="sealed with another SECRET_KEY"):
        on_loop(connect(Cluster.objects.get(name="school").kubeconfig_path))


def test_a_key_that_is_being_changed_still_opens_it(uploaded, settings):
    Path(uploaded.kubeconfig_path).unlink()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another" * 8
    assert Path(Cluster.objects.get(name="school").kubeconfig_path).is_file()


@pytest.fixture
def panel(client, db):
    client.force_login(get_user_model().objects.create_superuser("root", language="en"))
    return client


def test_an_administrator_uploads_one_and_never_reads_it_again(panel):
    form = {"name": "school", "upload": yaml.safe_dump(config()), "takes_new": "on", "capacity": "5"}
    assert panel.post("/admin/k8s_tasks/cluster/add/", form).status_code == 302
    cluster = Cluster.objects.get(name="school")
    assert (cluster.capacity, cluster.takes_new) == (5, True)

    address = f"/admin/k8s_tasks/cluster/{cluster.pk}/change/"
    assert "t0k3n" not in panel.get(address).content.decode()
    panel.post(address, {"name": "school", "upload": "", "capacity": ""})
    assert Cluster.objects.get(name="school").kubeconfig == cluster.kubeconfig


def test_a_refused_one_makes_no_cluster_and_says_why(panel):
    bad = yaml.safe_dump(config(user={"exec": {"command": "sh"}}))
    answer = panel.post("/admin/k8s_tasks/cluster/add/", {"name": "school", "upload": bad})
    assert "exec of the user cannot be taken" in answer.content.decode()
    assert not Cluster.objects.exists()


@pytest.mark.integration
def test_an_uploaded_one_reaches_a_real_cluster(stack, db):
    text = checked(stack.kubeconfig.read_text())
    Cluster.objects.create(name="real", kubeconfig=seal(text))

    async def version() -> str:
        api = await connect(path)
        try:
            return await api.version()
        finally:
            await api.close()

    path = Cluster.objects.get(name="real").kubeconfig_path
    assert on_loop(version()).startswith("v1.")
