"""Who reaches whom under each set of policies, by packets; see cases.yaml."""

import time
from dataclasses import replace

import pytest

from tests.conformance.conftest import IS_WHOLE

from .cluster import TestCluster
from .prober import Prober, Undecided
from .world import SPACES, difference, expected, load_cases, pod_labels, pods

pytestmark = pytest.mark.integration
CASES = [case for case in load_cases() if case.quick or IS_WHOLE]
SECONDS = 10  # until a change must be in force; what it took is told at the end


class World:
    """The nine pods, their prober, and how long changes took."""

    def __init__(self, cluster: TestCluster, prober: Prober, addresses: dict[str, str], took: dict):
        self.cluster, self.prober, self.addresses, self.took = cluster, prober, addresses, took
        self.nine, self.policies, self.spaces = pods(addresses), [], SPACES

    def enforce(self, policies: list[dict]) -> None:
        self.cluster.create(policies)
        self.policies = policies

    def await_table(self, what: str) -> None:
        """Ask until the table is what the policies promise now. Fails with the cells that differ."""
        wanted, began = expected(self.policies, self.nine, self.spaces), time.monotonic()
        while True:
            asked = time.monotonic() - began
            try:
                wrong = difference(wanted, self.prober.table())
            except Undecided as reason:
                wrong = str(reason)
            if not wrong:
                self.took[what] = asked
                return
            assert asked < SECONDS, f"still after {SECONDS} s:\n{wrong}"

    def relabel_pod(self, space: str, name: str, **labels) -> None:
        self.cluster.label_pod(space, name, labels)
        kept = {key: value for key, value in {**pod_labels(name), **labels}.items() if value is not None}
        self.nine = [
            replace(pod, labels=kept) if (pod.namespace, pod.name) == (space, name) else pod
            for pod in self.nine
        ]


@pytest.fixture(scope="module")
def stage(kubeconfig, in_force_after):
    """Cluster, prober and addresses; every pod reaches every other before the first policy."""
    with TestCluster(kubeconfig) as cluster:
        addresses = cluster.addresses()
        with Prober(kubeconfig, pods(addresses)) as prober:
            yield cluster, prober, addresses, in_force_after


@pytest.fixture
def world(stage):
    world = World(*stage)
    world.await_table("open")
    yield world
    world.cluster.clear()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_the_table_is_what_the_policies_promise(world, case):
    world.enforce(case.policies(world.addresses))
    world.await_table(case.name)


FROM_FRONT = {
    "metadata": {"name": "story", "namespace": "x"},
    "spec": {"podSelector": {}, "ingress": [{"from": [{"podSelector": {"matchLabels": {"tier": "front"}}}]}]},
}
FROM_RED = {
    "metadata": {"name": "story", "namespace": "z"},
    "spec": {
        "podSelector": {},
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"team": "red"}}}]}],
    },
}


def test_a_pod_gains_and_loses_by_its_labels(world):
    world.enforce([FROM_FRONT])
    world.await_table("a policy by a pod's label")
    world.relabel_pod("x", "c", tier="front")
    world.await_table("a label put on a pod")
    world.relabel_pod("x", "c", tier=None)
    world.await_table("a label taken off a pod")


def test_a_namespace_gains_and_loses_by_its_labels(world):
    world.enforce([FROM_RED])
    world.await_table("a policy by a namespace's label")
    world.cluster.label_namespace("y", {"team": "red"})
    world.spaces = {**SPACES, "y": {**SPACES["y"], "team": "red"}}
    world.await_table("a label changed on a namespace")
    world.cluster.label_namespace("y", {"team": "blue"})
    world.spaces = SPACES
    world.await_table("a label changed back on a namespace")


def test_a_changed_policy_replaces_what_it_said(world):
    world.enforce([FROM_FRONT])
    world.await_table("a policy before its change")
    changed = {**FROM_FRONT, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}}
    world.cluster.replace_spec(changed)
    world.policies = [changed]
    world.await_table("a policy changed")
