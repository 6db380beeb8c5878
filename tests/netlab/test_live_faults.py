"""A power cut and a partition, on a cluster of this file's own: it gives nodes up after two seconds."""

import signal
import subprocess
import sys

import pytest

from netlab import images as catalogue

from .conftest import start

pytestmark = pytest.mark.integration
ONE, TWO = "redes-worker", "redes-worker2"


@pytest.fixture(scope="module")
def cluster(images, tmp_path_factory):
    cluster = start(tmp_path_factory.mktemp("faults"), "--node-grace", "2", "--addons", "none")
    yield cluster
    cluster.process.send_signal(signal.SIGTERM)
    assert cluster.process.wait(timeout=20) == 0


def netlab(cluster, *words: str) -> str:
    command = [sys.executable, "-m", "netlab", *words, "--state", str(cluster.state)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def _spec(**more) -> dict:
    box = {"name": "box", "image": catalogue.TOOLBOX, "command": ["sleep", "infinity"]}
    return {"containers": [box], "terminationGracePeriodSeconds": 1, **more}


def _pod(name: str, node: str, **labels: str) -> dict:
    meta = {"name": name, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": _spec(nodeName=node)}


def _mobile() -> dict:
    """A pod that leaves a lost node after a second."""
    gone = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "tolerationSeconds": 1}
    away = {"kubernetes.io/hostname": TWO}
    prefer = {"weight": 1, "preference": {"matchExpressions": [_is(away)]}}
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [prefer]}}
    spec = _spec(tolerations=[gone], affinity=affinity)
    template = {"metadata": {"labels": {"app": "mobile"}}, "spec": spec}
    chosen = {"matchLabels": {"app": "mobile"}}
    wanted = {"replicas": 1, "selector": chosen, "template": template}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "mobile"}, "spec": wanted}


def _is(labels: dict) -> dict:
    ((key, value),) = labels.items()
    return {"key": key, "operator": "In", "values": [value]}


def _pings(cluster, source: str, target: str) -> bool:
    address = cluster.get("pod", target)["status"]["podIP"]
    return cluster.exec(source, "ping", "-c1", "-W1", address, ok=False).returncode == 0


def test_a_cut_between_two_workers_parts_their_pods_only(cluster):
    cluster.apply(_pod("a", ONE), _pod("b", ONE), _pod("c", TWO))
    for name in "abc":
        cluster.wait(f"pod/{name}", "condition=Ready")
    netlab(cluster, "link", "cut", ONE, TWO)
    assert (_pings(cluster, "a", "c"), _pings(cluster, "a", "b")) == (False, True)
    assert f"cut: {ONE} - {TWO}" in netlab(cluster, "status")
    netlab(cluster, "link", "heal", ONE, TWO)
    assert _pings(cluster, "a", "c")


def test_a_power_cut_is_found_out_and_overcome(cluster):
    service = {"selector": {"app": "fixed"}, "ports": [{"port": 80}]}
    cluster.apply(_pod("fixed", TWO, app="fixed"), _mobile())
    cluster.apply({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "fixed"}, "spec": service})
    cluster.wait("pod/fixed", "condition=Ready")
    cluster.wait("rs/mobile", "jsonpath={.status.readyReplicas}=1")
    (first,) = cluster.get("pods", "-l", "app=mobile")["items"]
    assert first["spec"]["nodeName"] == TWO
    netlab(cluster, "node", "stop", TWO)
    refused = cluster.exec("fixed", "true", ok=False).stderr
    assert "error dialing backend: dial tcp 172.18.0.4:10250: connect: no route to host" in refused
    cluster.wait(f"node/{TWO}", "condition=Ready=Unknown")
    cluster.wait("pod/fixed", "condition=Ready=False")
    (part,) = cluster.get("endpointslices", "-l", "kubernetes.io/service-name=fixed")["items"]
    assert [one["conditions"]["ready"] for one in part["endpoints"]] == [False]
    cluster.wait(f"pod/{first['metadata']['name']}", "jsonpath={.metadata.deletionTimestamp}")
    cluster.wait("rs/mobile", "jsonpath={.status.readyReplicas}=1")
    assert ONE in {pod["spec"]["nodeName"] for pod in cluster.get("pods", "-l", "app=mobile")["items"]}
    netlab(cluster, "node", "start", TWO)
    cluster.wait(f"node/{TWO}", "condition=Ready")
    cluster.wait("pod/fixed", "jsonpath={.status.containerStatuses[0].restartCount}=1")
    cluster.wait("pod/fixed", "condition=Ready")
    cluster.wait(f"pod/{first['metadata']['name']}", "delete")


def test_a_node_whose_cable_is_out_is_lost_and_returns_with_it(cluster):
    cluster.apply(_pod("left", ONE), _pod("right", ONE))
    for name in ("left", "right"):
        cluster.wait(f"pod/{name}", "condition=Ready")
    netlab(cluster, "link", "cut", ONE)
    assert "no route to host" in cluster.kubectl("logs", "left", ok=False).stderr
    cluster.wait(f"node/{ONE}", "condition=Ready=Unknown")
    cluster.wait("pod/left", "condition=Ready=False")
    netlab(cluster, "link", "heal", ONE)
    cluster.wait(f"node/{ONE}", "condition=Ready")
    cluster.wait("pod/left", "condition=Ready")
    assert _pings(cluster, "left", "right")
