"""Containers whose program is a part of the server."""

import asyncio
from types import SimpleNamespace

import pytest

from netlab.node.agents import AgentContainer, AgentFailure, Agents
from netlab.node.streams import ExecError

CONFIG = "kind: KubeProxyConfiguration\nmode: {}\nclusterCIDR: 10.99.0.0/16\n"
SPEC = {
    "command": ["kube-proxy", "--config=/etc/proxy/config.conf"],
    "volumeMounts": [{"name": "conf", "mountPath": "/etc/proxy"}],
}


class Part:
    """Says one thing, then works until it is stopped."""

    pod_network = ""

    async def run(self, tell) -> None:
        tell("at work")
        await asyncio.Event().wait()


def pod(namespace: str = "kube-system") -> dict:
    return {"metadata": {"namespace": namespace}, "spec": {"nodeName": "redes-worker"}}


def agents(part: Part) -> Agents:
    made = Agents()
    made.offer("redes-worker", "kube-proxy", part)
    made.offer("redes-worker", "kindnet", part)
    return made


async def run(work) -> AgentContainer:
    """A container of this work, when it has said what it says at first."""
    container = AgentContainer(SimpleNamespace(uid="u"), "agent")
    container.start(work)
    await anext(container.log.follow(0))
    return container


def text(container: AgentContainer) -> str:
    return container.log.tail(10000)


async def test_what_the_part_tells_is_the_log_and_stopping_ends_it():
    container = await run(agents(Part()).work(pod(), {}, "kindnet", {}))
    assert container.running and text(container).endswith("agent] at work\n")
    await container.stop(30)
    assert container.ended.result() == 0 and not container.running


async def test_nothing_can_be_executed_in_it():
    container = await run(Part().run)
    with pytest.raises(ExecError, match="part of netlab's own server"):
        await container.exec(["ls"], stdin=False, tty=False)
    await container.stop(0)


async def test_a_fault_ends_it_with_its_trace():
    async def work(tell) -> None:
        raise RuntimeError("broken")

    container = await run(work)
    assert await container.ended == 1 and "RuntimeError: broken" in text(container)


async def test_kube_proxy_reads_its_configuration(tmp_path):
    (tmp_path / "config.conf").write_text(CONFIG.format("iptables") + "colour: red\n")
    part = Part()
    container = await run(agents(part).work(pod(), SPEC, "kube-proxy", {"conf": tmp_path}))
    await container.stop(0)
    assert part.pod_network == "10.99.0.0/16"
    assert 'no effect in netlab" field="colour"' in text(container)


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (CONFIG.format("ipvs"), 'proxy mode "ipvs" is not available'),
        ("- a list", 'no kind "KubeProxyConfiguration"'),
        (": {", "failed to load configuration"),
    ],
)
async def test_kube_proxy_ends_on_a_configuration_it_cannot_work_by(tmp_path, config, reason):
    (tmp_path / "config.conf").write_text(config)
    container = await run(agents(Part()).work(pod(), SPEC, "kube-proxy", {"conf": tmp_path}))
    assert await container.ended == 1 and reason in text(container)


async def test_kube_proxy_ends_when_no_file_is_mounted():
    container = await run(agents(Part()).work(pod(), {"command": ["kube-proxy"]}, "kube-proxy", {}))
    assert await container.ended == 1 and "(see --config)" in text(container)


async def test_a_part_of_the_whole_cluster_runs_on_whatever_node_its_pod_is():
    made = Agents()
    made.offer(None, "kindnet", Part())
    container = await run(made.work(pod(), {}, "kindnet", {}))
    assert container.running
    await container.stop(0)


def test_a_users_pod_may_not_be_a_nodes_agent():
    with pytest.raises(AgentFailure, match="kube-system only"):
        agents(Part()).work(pod("default"), {}, "kindnet", {})
