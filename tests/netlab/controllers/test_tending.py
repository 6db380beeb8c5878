"""Endpoints, namespaces, garbage, events: the tending controllers."""

import pytest

from netlab.store import events, owner_reference

from .worlds import pod

SLICES = "endpointslices.discovery.k8s.io"


def service(name="web", **spec):
    base = {
        "selector": {"app": name},
        "ports": [{"port": 80, "targetPort": "http"}],
        "clusterIP": "10.96.1.1",
    }
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {**base, **spec}}


def slice_of(world, name="web"):
    (found,) = world.store.list(SLICES, labels={"kubernetes.io/service-name": name})
    return found


def test_ready_pods_are_endpoints_and_others_are_named_so(world):
    world.create("services", service())
    assert slice_of(world)["endpoints"] == []
    world.create("pods", pod("web"))
    world.ready()
    (endpoint,) = slice_of(world)["endpoints"]
    assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert slice_of(world)["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    world.change("pods", "web", lambda p: p["status"]["conditions"][-1].update(status="False"))
    assert slice_of(world)["endpoints"][0]["conditions"]["ready"] is False
    subset = world.store.get("endpoints", "default", "web")["subsets"][0]
    assert "addresses" not in subset and len(subset["notReadyAddresses"]) == 1


def test_a_terminating_pod_serves_but_is_not_ready(world):
    world.create("services", service())
    world.create("pods", pod("web"))
    world.ready()
    world.delete("pods", "web")
    conditions = slice_of(world)["endpoints"][0]["conditions"]
    assert conditions == {"ready": False, "serving": True, "terminating": True}


def test_breaking_the_selector_empties_the_slice(world):
    world.create("services", service())
    world.create("pods", pod("web"))
    world.ready()
    world.change("services", "web", lambda s: s["spec"].update(selector={"app": "nobody"}))
    assert slice_of(world)["endpoints"] == []
    assert "subsets" not in world.store.get("endpoints", "default", "web")


def test_deleting_the_service_takes_its_endpoints(world):
    world.create("services", service())
    world.delete("services", "web")
    assert world.store.list(SLICES, "default", labels={"kubernetes.io/service-name": "web"}) == []
    assert world.store.find("endpoints", "default", "web") is None


def test_every_namespace_is_furnished_and_refurnished(world):
    world.store.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})
    world.run()
    assert world.store.find("serviceaccounts", "lab", "default")
    world.delete("configmaps", "kube-root-ca.crt", "lab")
    assert world.store.get("configmaps", "lab", "kube-root-ca.crt")["data"] == {"ca.crt": "ca"}


def test_the_namespace_of_the_nodes_leases_comes_back(world):
    world.delete("namespaces", "kube-node-lease", None)
    assert world.store.find("serviceaccounts", "kube-node-lease", "default")


def test_a_namespace_goes_when_its_last_pod_has_gone(world):
    namespace = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "lab"},
        "spec": {"finalizers": ["kubernetes"]},
    }
    world.store.create("namespaces", namespace)
    world.run()
    one = pod("web")
    one["metadata"]["namespace"] = "lab"
    world.create("pods", one)
    world.delete("namespaces", "lab", None)
    assert world.store.get("namespaces", None, "lab")["status"]["phase"] == "Terminating"
    world.ready()
    assert world.store.find("namespaces", None, "lab") is None
    assert not any(world.store.list(resource, "lab") for resource in world.store.resources())


def test_a_pod_on_a_node_that_never_was_can_be_deleted(world):
    world.create("pods", pod("lost", nodeName="atlantis"))
    world.delete("pods", "lost")
    assert world.store.find("pods", "default", "lost") is None


@pytest.fixture
def family(world):
    """A configmap that owns a secret."""
    parent = world.create(
        "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "parent"}}
    )
    meta = {"name": "child", "ownerReferences": [owner_reference(parent)]}
    world.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    return world


def test_children_follow_their_parent(family):
    family.delete("configmaps", "parent")
    assert family.store.find("secrets", "default", "child") is None


def test_a_child_with_another_living_parent_stays(family):
    other = family.create(
        "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}}
    )
    reference = owner_reference(other)
    family.change("secrets", "child", lambda s: s["metadata"]["ownerReferences"].append(reference))
    family.delete("configmaps", "parent")
    assert family.store.find("secrets", "default", "child")


def test_a_child_born_after_its_parent_died_goes_too(family):
    parent = family.store.get("configmaps", "default", "parent")
    family.delete("configmaps", "parent")
    meta = {"name": "late", "ownerReferences": [owner_reference(parent)]}
    family.create("secrets", {"apiVersion": "v1", "kind": "Secret", "metadata": meta})
    assert family.store.find("secrets", "default", "late") is None


def test_in_the_foreground_the_parent_goes_last(family):
    family.change("configmaps", "parent", lambda c: c["metadata"].update(finalizers=["foregroundDeletion"]))
    family.change("secrets", "child", lambda s: s["metadata"].update(finalizers=["lab/hold"]))
    family.delete("configmaps", "parent")
    assert family.store.find("configmaps", "default", "parent")
    family.change("secrets", "child", lambda s: s["metadata"].update(finalizers=[]))
    assert family.store.find("configmaps", "default", "parent") is None


def test_old_events_go(world):
    involved = world.create("pods", pod("web"))
    old = events.record(world.store, involved, "Old", "long ago", component="test")
    key = old["metadata"]["namespace"], old["metadata"]["name"]
    world.store.mutate("events", *key, lambda e: e.update(lastTimestamp="2020-01-01T00:00:00Z"))
    for number in range(100):
        events.record(world.store, involved, "New", f"now {number}", component="test")
    world.run()
    assert world.events("Old") == [] and len(world.events("New")) == 100
