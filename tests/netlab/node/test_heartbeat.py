import pytest

from netlab.node.heartbeat import LEASES, NAMESPACE, Heartbeat
from netlab.store import NotFound, Store

STARTED = "2026-01-01T00:00:00Z"


@pytest.fixture
def store():
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": STARTED, "lastTransitionTime": STARTED}
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}, "status": {"conditions": [ready]}}
    store = Store()
    store.create("nodes", node)
    return store


def test_the_lease_belongs_to_the_node_and_is_renewed(store):
    heart = Heartbeat(store, "n")
    heart.renew_lease()
    first = store.get(LEASES, NAMESPACE, "n")
    heart.renew_lease()
    second = store.get(LEASES, NAMESPACE, "n")
    assert first["spec"]["holderIdentity"] == "n"
    assert first["metadata"]["ownerReferences"][0]["uid"] == store.get("nodes", None, "n")["metadata"]["uid"]
    assert second["spec"]["renewTime"] > first["spec"]["renewTime"]


def test_the_times_of_the_conditions_advance_but_not_their_transitions(store):
    Heartbeat(store, "n").report_status()
    (ready,) = store.get("nodes", None, "n")["status"]["conditions"]
    assert ready["lastHeartbeatTime"] > STARTED
    assert ready["lastTransitionTime"] == STARTED


def test_a_node_that_was_deleted_renews_nothing(store):
    store.remove("nodes", None, "n")
    with pytest.raises(NotFound):
        Heartbeat(store, "n").renew_lease()
