"""A node that is no longer heard of; time is the age of its Lease."""

import pytest

from netlab.api import cells
from netlab.controllers.nodelifecycle import NodeLifecycleController
from netlab.node.heartbeat import LEASES, NAMESPACE, Heartbeat
from netlab.store import clock

from .worlds import pod

NODE = "redes-worker"
UNREACHABLE = "node.kubernetes.io/unreachable"


def on_node(name, seconds):
    """A pod of the node that stays for so long after its node was given up (None: for ever)."""
    made = pod(name)
    made["spec"]["nodeName"] = NODE
    limit = {} if seconds is None else {"tolerationSeconds": seconds}
    toleration = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute", **limit}
    made["spec"]["tolerations"] = [toleration]
    return made


@pytest.fixture
def silent(world):
    """Call it to let the node's last word be that old."""
    Heartbeat(world.store, NODE).renew_lease()
    world.run()

    def silent(seconds):
        stamp = clock.now(offset=-seconds)
        world.store.mutate(LEASES, NAMESPACE, NODE, lambda lease: lease["spec"].update(renewTime=stamp))
        world.run()
        return world.store.get("nodes", None, NODE)

    return silent


def ready_of(node):
    return next(c["status"] for c in node["status"]["conditions"] if c["type"] == "Ready")


def test_a_node_within_its_grace_period_is_left_alone(silent):
    node = silent(30)
    assert (ready_of(node), node["spec"].get("taints")) == ("True", None)


def test_a_silent_node_is_unknown_and_tainted(silent):
    node = silent(41)
    taints = [(taint["key"], taint["effect"]) for taint in node["spec"]["taints"]]
    assert ready_of(node) == "Unknown"
    assert cells._node_status(node) == "NotReady"
    assert taints == [(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")]


def test_its_pods_are_unready_and_go_when_their_time_is_over(world, silent):
    for name, seconds in (("short", 0), ("long", 300), ("loyal", None)):
        world.create("pods", on_node(name, seconds))
    world.ready()
    silent(41)
    assert [each["metadata"]["name"] for each in world.pods()] == ["long", "loyal"]
    conditions = [c for each in world.pods() for c in each["status"]["conditions"] if c["type"] == "Ready"]
    assert [c["status"] for c in conditions] == ["False", "False"]

    def age(node):  # 300 s later
        for taint in node["spec"]["taints"]:
            taint["timeAdded"] = clock.now(offset=-301)

    world.store.mutate("nodes", None, NODE, age)
    silent(342)
    assert [each["metadata"]["name"] for each in world.pods()] == ["loyal"]


def test_a_node_that_is_heard_of_again_is_whole_again(world, silent):
    silent(41)
    returned = []
    heart = Heartbeat(world.store, NODE, on_return=lambda: returned.append(NODE))
    heart.beat()
    heart.beat()
    world.run()
    node = world.store.get("nodes", None, NODE)
    assert (ready_of(node), "taints" in node["spec"], returned) == ("True", False, [NODE])


def taint(world, **more) -> None:
    one = {"key": "repair", "value": "now", "effect": "NoExecute", **more}
    world.store.mutate("nodes", None, NODE, lambda node: node["spec"].update(taints=[one]))
    world.run()


def bound(name, *tolerations):
    made = pod(name)
    made["spec"] |= {"nodeName": NODE, "tolerations": list(tolerations)}
    return made


def test_a_taint_of_ones_own_drives_out_who_does_not_tolerate_it(world):
    tolerant = {"key": "repair", "operator": "Exists"}
    world.create("pods", bound("driven"))
    world.create("pods", bound("stays", tolerant))
    world.create("pods", bound("a-while", {**tolerant, "tolerationSeconds": 60}))
    taint(world)
    assert [each["metadata"]["name"] for each in world.pods()] == ["a-while", "stays"]
    taint(world, timeAdded=clock.now(offset=-61))
    assert [each["metadata"]["name"] for each in world.pods()] == ["stays"]


def test_a_taint_that_only_keeps_new_pods_away_drives_out_nobody(world):
    world.create("pods", bound("here"))
    taint(world, effect="NoSchedule")
    assert [each["metadata"]["name"] for each in world.pods()] == ["here"]


def test_a_node_whose_kubelet_never_spoke_is_given_up_too(world):
    world.store.create(
        "nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "ghost"}, "spec": {}}
    )
    NodeLifecycleController(world.store, grace=0).sync(("ghost",))
    node = world.store.get("nodes", None, "ghost")
    assert {c["reason"] for c in node["status"]["conditions"]} == {"NodeStatusNeverUpdated"}
    assert ready_of(node) == "Unknown" and len(node["spec"]["taints"]) == 2
