"""The tables themselves, before any cluster is asked."""

import pytest

from .evaluator import fits
from .world import LETTERS, SPACES, connections, expected, load_cases, pods

ADDRESSES = {f"{s}_{p}": f"10.244.{i}.{j}" for i, s in enumerate(SPACES) for j, p in enumerate(LETTERS, 2)}
NINE = pods(ADDRESSES)
CASES = load_cases()


def named(cases) -> dict:
    return {"argvalues": cases, "ids": [case.name for case in cases]}


def test_there_are_enough_cases():
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert sum(case.quick for case in CASES) >= 10
    assert sum(bool(case.table) for case in CASES) >= 5


@pytest.mark.parametrize("case", **named(CASES))
def test_every_policy_changes_something(case):
    """Without any one of its policies a case would show another table: so each is really tried."""
    policies = case.policies(ADDRESSES)
    whole = expected(policies, NINE)
    assert whole != frozenset(connections(NINE))
    for policy in filter(selects_somebody, policies):
        assert expected([other for other in policies if other is not policy], NINE) != whole


def selects_somebody(policy: dict) -> bool:
    space, selector = policy["metadata"]["namespace"], policy["spec"]["podSelector"]
    return any(pod.namespace == space and fits(selector, pod.labels) for pod in NINE)


@pytest.mark.parametrize("case", **named([case for case in CASES if case.table]))
def test_the_evaluator_agrees_with_what_was_written_by_hand(case):
    assert expected(case.policies(ADDRESSES), NINE) == case.written_by_hand(NINE)


@pytest.mark.parametrize(
    ("operator", "values", "holds_for"),
    [
        ("In", ["a", "b"], [{"k": "a"}]),
        ("NotIn", ["a"], [{"k": "c"}, {}]),
        ("Exists", [], [{"k": "a"}, {"k": "c"}]),
        ("DoesNotExist", [], [{}]),
    ],
)
def test_expressions(operator, values, holds_for):
    selector = {"matchExpressions": [{"key": "k", "operator": operator, "values": values}]}
    assert [labels for labels in ({"k": "a"}, {"k": "c"}, {}) if fits(selector, labels)] == holds_for
