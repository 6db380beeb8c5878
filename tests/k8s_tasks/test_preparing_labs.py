"""What a real API server does that netlab does not while a session is made, and what a card does."""

import pytest

from curriculum.domain import substitute
from curriculum.specs import Card
from k8s_tasks.cluster import labs
from k8s_tasks.cluster.errors import Refused

UNKNOWN = Refused(
    403, "Forbidden", 'pods "ana" is forbidden: status unknown for quota: session, resources: pods'
)
EXCEEDED = Refused(403, "Forbidden", 'pods "ana" is forbidden: exceeded quota: session')


@pytest.fixture
def answers(monkeypatch) -> list:
    """What the API server answers, the next one last."""
    answers = []

    async def apply_manifest(api, manifest, *, namespace):
        if answers:
            raise answers.pop()

    monkeypatch.setattr(labs, "apply_manifest", apply_manifest)
    return answers


async def test_an_object_is_asked_for_again_while_its_quota_is_not_counted_yet(answers):
    answers += [UNKNOWN, UNKNOWN]
    await labs._apply_once_counted(None, {}, "ours")
    assert answers == []


async def test_what_a_quota_forbids_is_told_at_once(answers):
    answers += [UNKNOWN, EXCEEDED]
    with pytest.raises(Refused, match="exceeded quota"):
        await labs._apply_once_counted(None, {}, "ours")
    assert answers == [UNKNOWN]


def named(kind, name, **facts) -> dict:
    return {"kind": kind, "metadata": {"name": name}, **facts}


def test_a_cards_object_stands_in_the_place_of_the_one_of_its_name_and_others_come_behind():
    lab = [named("Service", "web", port=80), named("Pod", "web")]
    card = [named("Service", "web", port=81), named("NetworkPolicy", "web")]
    assert labs.put_in_place(lab, card) == [card[0], lab[1], card[1]]


class FakeAgent:
    def __init__(self):
        self.asked = []

    async def set_mtu(self, address, mtu):
        self.asked.append(("mtu", address, mtu))

    async def detour(self, address, via):
        self.asked.append(("detour", address, via))


@pytest.mark.parametrize(
    ("fault", "asked"),
    [
        ({"mtu": "${size}"}, ("mtu", "10.244.1.5", 1100)),
        ({"detour": "${nodes.control}"}, ("detour", "10.244.1.5", "172.18.0.2")),
    ],
)
async def test_a_fault_of_a_link_is_made_by_the_agent_on_the_pods_node(fault, asked):
    values = {
        "size": 1100,
        "nodes": {"control": "172.18.0.2"},
        "web": {"ip": "10.244.1.5", "node": "redes-worker"},
    }
    plan = labs.LabPlan("1", "ours", {}, {"web": 1}, (), substitute, [], card=Card(pod="web", **fault))
    agents = {"redes-worker": FakeAgent(), "redes-worker2": FakeAgent()}
    await labs._break_link(agents, plan, values)
    assert [agent.asked for agent in agents.values()] == [[asked], []]
