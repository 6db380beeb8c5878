"""A ReplicationController as kubectl handles it: made, scaled, described, deleted with its pods."""

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration


def test_a_replication_controller_is_scaled_and_goes_with_its_pods(netlab, namespace):
    template = pod("box", namespace)
    spec = {"replicas": 1, "template": {"metadata": {"labels": {"app": "box"}}, "spec": template["spec"]}}
    meta = {"name": "box", "namespace": namespace}
    netlab.apply({"apiVersion": "v1", "kind": "ReplicationController", "metadata": meta, "spec": spec})
    netlab.kubectl("-n", namespace, "scale", "rc/box", "--replicas=2")
    ready = "--for=jsonpath={.status.readyReplicas}=2"
    netlab.kubectl("-n", namespace, "wait", ready, "rc/box", "--timeout=20s")
    assert (
        "Replicas:     2 current / 2 desired" in netlab.kubectl("-n", namespace, "describe", "rc/box").stdout
    )
    netlab.kubectl("-n", namespace, "delete", "rc/box", "--cascade=foreground", "--timeout=20s")
    assert netlab.get("pods", "-n", namespace)["items"] == []


def test_kubectl_makes_a_priority_class(netlab):
    netlab.kubectl("create", "priorityclass", "urgent", "--value=1000", "--description=lessons")
    row = netlab.kubectl("get", "priorityclass", "urgent", "--no-headers").stdout.split()
    netlab.kubectl("delete", "priorityclass", "urgent")
    assert row[:3] == ["urgent", "1000", "false"]
