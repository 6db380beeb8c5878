"""What is concluded from what a probe saw."""

import errno
import os

import pytest

from curriculum.enums import Capability
from k8s_tasks.cluster.errors import AgentError, Unreachable
from k8s_tasks.enums import CapabilityState as State
from k8s_tasks.preflight import addons, balancing, impairments, kernel, measuring, policies
from k8s_tasks.preflight.findings import present
from k8s_tasks.preflight.registry import PROBES

WORKS, LACKS, FAILED = {"works": True, "said": ""}, {"works": False, "said": "no"}, {"error": "EPERM"}


@pytest.mark.parametrize(
    ("nodes", "state"),
    [
        ([WORKS, WORKS], State.PRESENT),
        ([WORKS, LACKS], State.ABSENT),
        ([FAILED, LACKS], State.ABSENT),
        ([WORKS, FAILED], State.UNKNOWN),
    ],
)
def test_a_kernel_has_it_when_every_node_does(nodes, state):
    found = kernel.decide(Capability.BBR, {f"n{number}": told for number, told in enumerate(nodes)})
    assert found.state == state


def test_an_ipvs_that_a_user_namespace_may_not_use_is_not_called_missing():
    barred = {"works": False, "said": os.strerror(errno.EPERM)}
    found = kernel.decide(Capability.IPVS, {"n0": barred})
    assert (found.state, "has IPVS, but" in found.sentence) == (State.ABSENT, True)
    missing = {"works": False, "said": os.strerror(errno.ENOENT)}
    assert "has no IPVS" in kernel.decide(Capability.IPVS, {"n0": missing}).sentence


def test_delay_needs_netem_or_the_relay_and_netem_needs_netem():
    nodes = {"one": {"netem": True, "relay": False}, "two": {"netem": False, "relay": True}}
    assert impairments.decide_netem(nodes).facts == {"nodes": "two"}
    assert impairments.decide_delay(nodes).state == State.PRESENT
    nodes["two"]["relay"] = False
    assert impairments.decide_delay(nodes).state == State.ABSENT


class Network:
    """What two pods see: `before` the policy, and `after`."""

    def __init__(self, before, after):
        self.seen, self.after = before, after

    async def try_both(self):
        return self.seen

    async def forbid(self):
        self.seen = self.after


@pytest.mark.parametrize(
    ("before", "after", "state"),
    [
        ((True, True), (False, True), State.PRESENT),
        ((True, True), (True, True), State.ABSENT),
        ((True, True), (False, False), State.UNKNOWN),
        ((False, True), (False, True), State.UNKNOWN),
    ],
)
async def test_a_policy_is_judged_against_its_control(monkeypatch, before, after, state):
    monkeypatch.setattr(policies, "LISTEN_SECONDS", 0)
    monkeypatch.setattr(policies, "ENFORCE_SECONDS", 0)
    network = Network(before, after)
    assert (await policies.judge(network.try_both, network.forbid)).state == state


def test_the_default_ingress_class_is_tried_first():
    default = {"ingressclass.kubernetes.io/is-default-class": "true"}
    classes = [{"metadata": {"name": "a"}}, {"metadata": {"name": "b", "annotations": default}}]
    assert balancing.choose_class(classes) == "b"
    assert balancing.choose_class(classes[:1]) == "a"
    assert balancing.choose_class([]) is None


def test_metrics_of_no_node_are_none():
    assert addons.decide_metrics([]).state == State.ABSENT
    assert addons.decide_metrics([{"usage": {"cpu": "12m"}}]).state == State.PRESENT


@pytest.mark.parametrize("error", [AgentError("no agent"), Unreachable("no agent"), KeyError("no agent")])
async def test_a_probe_that_breaks_decides_nothing(error):
    async def probe(_scene):
        raise error

    found = await measuring._ask(probe, (Capability.BBR,), None)
    assert found[Capability.BBR].state == State.UNKNOWN
    assert "no agent" in found[Capability.BBR].told()["reason"]["en"]


def test_every_capability_has_one_probe_and_a_reason_in_both_languages():
    assert sorted(name for names in PROBES.values() for name in names) == sorted(Capability)
    told = present("Ready").told()
    assert set(told["reason"]) == {"pt-br", "en"}
