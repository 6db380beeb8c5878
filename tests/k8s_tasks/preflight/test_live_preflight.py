"""A preflight of the real cluster, whose kernel has nftables and BBR; IPVS no pod of netlab may use."""

import asyncio
import re
from concurrent.futures import CancelledError
from pathlib import Path

import pytest

from k8s_tasks.cluster.agent import Agent, agents_by_node, ask_living
from k8s_tasks.cluster.objects import is_worker, list_nodes
from k8s_tasks.domain.clusters import portal_id
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.measuring import preflight
from k8s_tasks.models import Cluster
from k8s_tasks.preflight.agents import ask_workers
from k8s_tasks.preflight.scene import LABEL, open_scene
from tests.portal.live import Person

pytestmark = [pytest.mark.integration, pytest.mark.django_db(transaction=True)]

NODES_OWN = ("netem", "delay", "nftables", "iptables", "ipvs", "bbr", "ebpf")
BPF_CLOSED = Path("/proc/sys/kernel/unprivileged_bpf_disabled")
PYTHON, AWAY = "/usr/bin/python3", "/usr/bin/python3.away"


@pytest.fixture
def cluster(stack, transactional_db, redis_client):
    return Cluster.objects.create(name="real", kubeconfig_path=str(stack.kubeconfig), is_healthy=True)


@pytest.fixture
def api(cluster):
    return on_loop(api_of(cluster.kubeconfig_path))


def measured(cluster) -> dict[str, str]:
    preflight(str(cluster.pk))
    cluster.refresh_from_db()
    return {name: told["state"] for name, told in cluster.capabilities.items()}


async def left_of_preflights(api, owner: str) -> list[str]:
    found = await api.request("GET", "/api/v1/namespaces", query={"labelSelector": f"{LABEL}={owner}"})
    return [
        each["metadata"]["name"] for each in found["items"] if not each["metadata"].get("deletionTimestamp")
    ]


def test_what_is_found_is_what_this_machine_has_and_nothing_is_left(cluster, api):
    has_netem = all(has["netem"] for has in on_loop(ask_workers(api, Agent.mechanisms)).values())
    may_bpf = BPF_CLOSED.exists() and BPF_CLOSED.read_text().strip() == "0"
    assert measured(cluster) == {
        "netem": "present" if has_netem else "absent",
        "delay": "present",
        "nftables": "present",
        "iptables": "present",
        "ipvs": "absent",
        "bbr": "present",
        "ebpf": "present" if may_bpf else "absent",
        "networkpolicy": "present",
        "loadbalancer": "present",
        "ingress": "present",
        "http2": "present",
        "tcp-listener": "present",
        "certificates": "present",
        "metrics": "present",
    }, cluster.capabilities
    assert on_loop(left_of_preflights(api, portal_id())) == []


def test_the_watcher_has_a_new_cluster_measured_by_itself(stack):
    admin = Person(stack.url, stack.accounts["admin"]).pages
    listed = admin.get("/admin/k8s_tasks/cluster/").text
    page = re.search(r'(/admin/k8s_tasks/cluster/\d+/change/)[^"]*">netlab<', listed)[1]
    stack.wait_until(lambda: "redes-worker2" in admin.get(page).text)


@pytest.fixture
def broken_agents(api):
    """Agents whose Python is away: what they answer says nothing of the kernel."""
    on_loop(on_agents(api, "mv", PYTHON, AWAY))
    yield
    on_loop(on_agents(api, "mv", AWAY, PYTHON))


async def on_agents(api, *argv: str) -> None:
    for agent in (await agents_by_node(api)).values():
        done = await agent.run(argv, seconds=10)
        assert done.exit_code == 0, done.stderr


def test_broken_agents_leave_it_unknown_and_the_rest_is_measured(cluster, broken_agents):
    states = measured(cluster)
    by_agent = {name: states.pop(name) for name in NODES_OWN}
    assert set(by_agent.values()) == {"unknown"}, cluster.capabilities
    assert (states["networkpolicy"], states["metrics"]) == ("present", "present")


def test_an_agent_that_ends_while_it_is_asked_is_asked_again_in_its_next_life(api):
    asked: dict[str, str] = {}

    async def question(agent: Agent) -> dict:
        if agent.pod not in asked:
            asked[agent.pod] = agent.life
            await agent.run(["bash", "-c", "kill 1; exec sleep infinity"], seconds=30)
        return {"life": agent.life, "found": await agent.mechanisms()}

    answers = on_loop(ask_workers(api, question))
    workers = {node["metadata"]["name"] for node in on_loop(list_nodes(api)) if is_worker(node)}
    assert answers.keys() == workers and len(asked) == len(workers)
    assert all(told["found"]["relay"] for told in answers.values())
    assert not {told["life"] for told in answers.values()} & set(asked.values())


def test_in_the_place_of_an_agent_that_is_gone_its_successor_is_asked(api):
    node, living = next(iter(on_loop(agents_by_node(api)).items()))

    async def question(agent):
        await agent.captures()
        return agent

    gone = Agent(api, "redes-node-agent-gone", "an earlier life")
    assert on_loop(ask_living(gone, node, question)) == living


def test_a_namespace_is_deleted_when_the_probes_are_broken_off(api):
    async def break_off():
        async with open_scene(api, "tested"):
            raise asyncio.CancelledError

    with pytest.raises(CancelledError):
        on_loop(break_off())
    assert on_loop(left_of_preflights(api, "tested")) == []
