import pytest

from netlab.policy.agent import POLICIES, matters
from netlab.store import Event

from .worlds import namespace, pod, policy


def change(resource: str, before: dict, after: dict) -> Event:
    return Event("MODIFIED", resource, after, before, 1)


@pytest.mark.parametrize(
    ("resource", "before", "after"),
    [
        ("pods", pod("a", None), pod("a", "10.244.1.2")),
        ("pods", pod("a", "10.244.1.2", app="a"), pod("a", "10.244.1.2", app="b")),
        ("pods", pod("a", "10.244.1.2"), pod("a", "10.244.1.2", phase="Failed")),
        ("pods", pod("a", None, node=None), pod("a", None)),
        ("namespaces", namespace("x"), namespace("x", team="red")),
        (POLICIES, policy(), policy(ingress=[{}])),
    ],
)
def test_what_policies_can_see_matters(resource, before, after):
    assert matters(change(resource, before, after))
    assert not matters(change(resource, after, after))


def test_other_changes_of_a_pod_do_not():
    ready = pod("a", "10.244.1.2")
    ready["status"]["conditions"] = [{"type": "Ready", "status": "True"}]
    assert not matters(change("pods", pod("a", "10.244.1.2"), ready))
    assert not matters(Event("ADDED", "services", {}, None, 1))
