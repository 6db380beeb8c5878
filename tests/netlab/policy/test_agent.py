from types import SimpleNamespace

import pytest

from netlab.node.processes import CommandError
from netlab.policy.agent import POLICIES, PolicyAgent, matters
from netlab.store import Event, Store

from .worlds import NODE, labelled, namespace, pod, policy


class Agent(PolicyAgent):
    """An agent whose kernel is a list of what was written."""

    def __init__(self, *objects: tuple[str, dict]):
        self.store, self.written, self.fails_at = Store(), [], None
        for resource, obj in objects:
            self.store.create(resource, obj)
        super().__init__(self.store, SimpleNamespace(guards={}), NODE)
        self._iptables._restore = self._write

    async def _write(self, text: str) -> None:
        if len(self.written) == self.fails_at:
            self.fails_at = None
            raise CommandError(["iptables-restore"], 1, b"no")
        self.written.append(text)


WEB = ("pods", pod("a", "10.244.1.2", app="web"))
CLOSED = (POLICIES, policy(select=labelled(app="web")))


async def test_without_policies_the_kernel_is_left_alone():
    agent = Agent(WEB)
    await agent.sync()
    assert agent.written == []


async def test_the_chains_come_first_and_then_the_way_into_them():
    agent = Agent(WEB, CLOSED)
    await agent.sync()
    rules, entry = agent.written
    assert rules.index(":NETPOL-IN-") < rules.index(":NETPOL-PODS-") < rules.index(":NETPOL -")
    assert "-I FORWARD -m comment" in entry


async def test_nothing_is_written_when_nothing_is_new():
    agent = Agent(WEB, CLOSED)
    await agent.sync()
    agent.written.clear()
    await agent.sync()
    assert agent.written == []


async def test_a_change_writes_new_chains_switches_and_removes_the_old():
    agent = Agent(WEB, CLOSED)
    await agent.sync()
    agent.written.clear()
    agent.store.mutate(POLICIES, "x", "p", lambda stored: stored["spec"].update(ingress=[{}]))
    await agent.sync()
    switch, removal = agent.written
    assert switch.count(":NETPOL -") == 1 and "RETURN" in switch
    assert removal.count("-X NETPOL-") == 2


async def test_after_a_failure_every_chain_is_written_again():
    agent = Agent(WEB, CLOSED)
    await agent.sync()
    agent.written.clear()
    agent.store.mutate(POLICIES, "x", "p", lambda stored: stored["spec"].update(ingress=[{}]))
    agent.fails_at = 1  # the removal of the old chains
    with pytest.raises(CommandError):
        await agent.sync()
    await agent.sync()
    first, again, removal = agent.written
    assert again == first and removal.count("-X NETPOL-") == 2


async def test_a_way_in_that_could_not_be_made_is_made_with_the_next_sync():
    agent = Agent(WEB, CLOSED)
    agent.fails_at = 1
    with pytest.raises(CommandError):
        await agent.sync()
    await agent.sync()
    assert "-I FORWARD -m comment" in agent.written[-1]


async def test_the_last_policy_takes_its_rules_along_even_after_a_failure():
    agent = Agent(WEB, CLOSED)
    agent.fails_at = 1
    with pytest.raises(CommandError):
        await agent.sync()
    agent.store.delete(POLICIES, "x", "p")
    await agent.sync()
    assert any("-X NETPOL-" in text for text in agent.written)


async def test_a_pod_waits_for_its_link_until_its_rules_are_there():
    agent = Agent(WEB, CLOSED)
    await agent.admit(WEB[1])
    assert any("to x/a" in text for text in agent.written)


async def test_a_pod_that_no_policy_selects_waits_for_nothing():
    agent = Agent(WEB, CLOSED)
    await agent.admit(pod("b", None, app="other"))
    await agent.admit(pod("c", None, app="web", spec={"hostNetwork": True}))
    assert agent.written == []


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
