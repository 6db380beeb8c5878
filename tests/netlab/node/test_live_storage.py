"""Volumes that outlive their pods, with real files on the nodes' disks."""

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration


def claim(name: str, namespace: str, size: str = "8Mi", **spec) -> dict:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}


def user(name: str, namespace: str, *, read_only: bool = False, **spec) -> dict:
    source = {"name": "disk", "persistentVolumeClaim": {"claimName": "data", "readOnly": read_only}}
    mounts = [{"name": "disk", "mountPath": "/data"}]
    return pod(name, namespace, spec={"volumes": [source], **spec}, volumeMounts=mounts)


@pytest.fixture
def box(netlab, namespace):
    """Run pods on the claim `data`, one after the other: they are on one node, as their volume is."""

    def run(name: str, *argv: str, ok: bool = True, **spec):
        netlab.apply(user(name, namespace, **spec))
        netlab.kubectl("-n", namespace, "wait", "--for=condition=Ready", f"pod/{name}", "--timeout=20s")
        return netlab.kubectl("-n", namespace, "exec", name, "--", *argv, ok=ok)

    return run


def test_files_outlive_their_pod_and_go_with_their_claim(netlab, namespace, box):
    netlab.apply(claim("data", namespace))
    box("writer", "sh", "-c", "echo kept > /data/note")
    netlab.kubectl("-n", namespace, "delete", "pod", "writer")
    assert box("reader", "cat", "/data/note", read_only=True).stdout == "kept\n"
    assert "Read-only" in box("other", "touch", "/data/new", read_only=True, ok=False).stderr
    netlab.kubectl("-n", namespace, "delete", "pod", "reader", "other")
    (name,) = (one["spec"]["volumeName"] for one in netlab.get("-n", namespace, "pvc")["items"])
    netlab.kubectl("-n", namespace, "delete", "pvc", "data")
    netlab.kubectl("wait", "--for=delete", f"pv/{name}", "--timeout=20s")


def test_a_volume_is_no_larger_than_it_says_and_belongs_to_its_group(netlab, namespace, box):
    netlab.apply(claim("data", namespace))
    fill = "head -c 9000000 /dev/zero > /data/all; stat -c %g /data"
    done = box("filler", "sh", "-c", fill, securityContext={"fsGroup": 2000})
    assert "No space left" in done.stderr and done.stdout == "2000\n"


def test_a_link_in_a_volume_leads_to_no_other_place(netlab, namespace, box):
    """A volume below another one's path would be made where the first one's link leads to."""
    hand = {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Mi"}, "storageClassName": namespace}
    for name, path in (("outer", "/far"), ("inner", "/far/link/inside")):
        meta = {"name": f"{namespace}-{name}"[-60:]}
        spec = {**hand, "hostPath": {"path": f"/{namespace}{path}"}}
        netlab.apply({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec})
    node = {"nodeSelector": {"kubernetes.io/hostname": "redes-worker"}}
    outer, inner = (f"{namespace}-{name}"[-60:] for name in ("outer", "inner"))
    netlab.apply(claim("data", namespace, "1Mi", storageClassName=namespace, volumeName=outer))
    box("one", "ln", "-s", "/etc", "/data/link", **node)
    netlab.kubectl("-n", namespace, "delete", "pod", "one")
    netlab.kubectl("-n", namespace, "delete", "pvc", "data")
    netlab.apply(claim("data", namespace, "1Mi", storageClassName=namespace, volumeName=inner))
    assert box("two", "ls", "-A", "/data", **node).stdout == ""
    netlab.kubectl("-n", namespace, "delete", "pod", "two")
    netlab.kubectl("delete", "pv", outer, inner, "--wait=false")


def test_a_set_keeps_its_data_by_name(netlab, namespace):
    template = pod("db", namespace, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    template = {"metadata": {"labels": {"app": "db"}}, "spec": template["spec"]}
    spec = {
        "serviceName": "db",
        "replicas": 2,
        "selector": {"matchLabels": {"app": "db"}},
        "template": template,
        "volumeClaimTemplates": [{**claim("data", namespace), "metadata": {"name": "data"}}],
    }
    meta = {"name": "db", "namespace": namespace}
    headless = {"clusterIP": "None", "selector": {"app": "db"}, "ports": [{"port": 80}]}
    netlab.apply(
        {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": headless},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": meta, "spec": spec},
    )
    run = lambda *args: netlab.kubectl("-n", namespace, *args).stdout  # noqa: E731
    run("rollout", "status", "statefulset/db", "--timeout=30s")
    run("exec", "db-1", "--", "sh", "-c", "hostname > /data/name")
    run("delete", "pod", "db-1")
    run("wait", "--for=create", "pod/db-1", "--timeout=20s")
    run("wait", "--for=condition=Ready", "pod/db-1", "--timeout=20s")
    assert run("exec", "db-1", "--", "cat", "/data/name") == "db-1\n"
    found = run("exec", "db-0", "--", "getent", "hosts", f"db-1.db.{namespace}.svc.cluster.local")
    assert found.split()[0] == netlab.get("-n", namespace, "pod", "db-1")["status"]["podIP"]
    rows = run("get", "pvc", "--no-headers").splitlines()
    assert [row.split()[:2] for row in rows] == [["data-db-0", "Bound"], ["data-db-1", "Bound"]]
