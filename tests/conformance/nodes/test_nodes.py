"""Taints, cordons and drains. The node is given back as it was found."""

import pytest

from tests.conformance.worlds import deployment, eventually, new_world, pod

pytestmark = pytest.mark.integration


@pytest.fixture
def world(kubeconfig):
    with new_world(kubeconfig, "nodes") as made:
        yield made


@pytest.fixture
def node(world):
    """A node that takes pods."""
    free = [one for one in world.get("nodes")["items"] if not one["spec"].get("taints")]
    name = free[0]["metadata"]["name"]
    yield name
    world.kubectl("uncordon", name)
    world.attempt("taint", "node", name, "conformance-")


def on(node: str) -> dict:
    return {"nodeSelector": {"kubernetes.io/hostname": node}}


def why_pending(world, name: str) -> str:
    """The scheduler's words, empty while it has not spoken."""
    words = "{.status.conditions[?(@.reason=='Unschedulable')].message}"
    return world.kubectl("get", "pod", name, "-o", f"jsonpath={words}")


def test_a_cordoned_node_takes_no_new_pod(world, node):
    world.kubectl("cordon", node)
    assert "SchedulingDisabled" in world.kubectl("get", "node", node)
    world.apply(pod("late", spec=on(node)))
    eventually(lambda: "were unschedulable" in why_pending(world, "late"), True)
    world.kubectl("uncordon", node)
    world.ready("late")


def test_a_taint_turns_away_whom_it_is_not_tolerated_by(world, node):
    world.kubectl("taint", "node", node, "conformance=yes:NoSchedule")
    toleration = {"key": "conformance", "operator": "Exists", "effect": "NoSchedule"}
    world.apply(pod("away", spec=on(node)), pod("at-home", spec={**on(node), "tolerations": [toleration]}))
    eventually(lambda: "untolerated taint" in why_pending(world, "away"), True)
    world.ready("at-home")


@pytest.mark.whole
def test_a_drained_node_has_its_pods_elsewhere(world, node):
    world.apply(deployment("moving", 3))
    world.kubectl("rollout", "status", "deployment/moving", "--timeout=60s")
    only_ours = ("--pod-selector=app=moving", "--ignore-daemonsets", "--timeout=60s")
    world.kubectl("drain", node, *only_ours)
    world.kubectl("rollout", "status", "deployment/moving", "--timeout=60s")
    living = [one for one in world.get("pods")["items"] if "deletionTimestamp" not in one["metadata"]]
    assert len(living) == 3 and node not in {one["spec"]["nodeName"] for one in living}


def test_a_node_is_described(world, node):
    told = world.kubectl("describe", "node", node)
    for words in ("Conditions:", "Allocatable:", "Non-terminated Pods:", "HolderIdentity:"):
        assert words in told
