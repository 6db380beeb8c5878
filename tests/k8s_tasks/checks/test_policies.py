"""What policies say, and why: held against the independent evaluator of the conformance tests."""

import pytest

from k8s_tasks.checks.policies import Peer, rule_on
from tests.conformance.networkpolicy.world import (
    LETTERS,
    SPACES,
    connections,
    expected,
    load_cases,
    namespace,
    pods,
)

ADDRESSES = {f"{s}_{p}": f"10.244.{i}.{j}" for i, s in enumerate(SPACES) for j, p in enumerate(LETTERS, 2)}
NINE = pods(ADDRESSES)
CASES = load_cases()


def peer(pod) -> Peer:
    name = f"{pod.namespace}-{pod.name}"
    labels = {**SPACES[pod.namespace], "kubernetes.io/metadata.name": namespace(pod.namespace)}
    return Peer(name, pod.namespace, pod.address, pod.labels, labels, pod.ports)


def ruling(policies, source="x-a", target="y-b", port=80):
    peers = {each.name: each for each in map(peer, NINE)}
    return rule_on(peers[source], peers[target], policies, protocol="tcp", port=port)


def policy(name, space, **spec) -> dict:
    return {"metadata": {"name": name, "namespace": space}, "spec": {"podSelector": {}, **spec}}


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_agrees_with_the_independent_evaluator(case):
    policies = case.policies(ADDRESSES)
    allowed = expected(policies, NINE)
    for one in connections(NINE):
        if one.source == one.target:
            continue  # a pod always reaches itself, and no matrix asks
        found = rule_on(peer(one.source), peer(one.target), policies, protocol=one.protocol, port=one.port)
        assert found.is_allowed == (one in allowed), one


def test_without_policies_nobody_is_isolated():
    sentence, facts = ruling([]).why()
    assert sentence % facts == "no policy isolates y-b"


def test_it_names_the_policies_that_isolate_and_let_nothing_pass():
    sentence, facts = ruling([policy("deny", "y"), policy("other", "x", policyTypes=["Ingress"])]).why()
    assert sentence % facts == "deny isolates y-b and no rule lets this pass"


def test_it_names_the_rule_that_lets_it_pass():
    blue, red = (
        {"from": [{"namespaceSelector": {"matchLabels": {"team": team}}}]} for team in ("blue", "red")
    )
    sentence, facts = ruling([policy("allow", "y", ingress=[blue, red])]).why()
    assert sentence % facts == "rule 2 of allow lets this pass"


def test_both_ends_must_allow_it():
    leaving = policy("closed", "x", policyTypes=["Egress"])
    found = ruling([leaving, policy("open", "y", ingress=[{}])])
    assert not found.is_allowed
    assert found.told()["egress"] == {"isolated_by": ["closed"], "policy": "", "rule": 0}
