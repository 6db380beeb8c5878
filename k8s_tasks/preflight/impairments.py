"""What the nodes' kernels have for impairing links, by the agent's own trial."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from k8s_tasks.cluster.agent import Agent
from k8s_tasks.preflight.agents import ask_workers
from k8s_tasks.preflight.findings import Finding, absent, present
from k8s_tasks.preflight.scene import Scene


async def probe(scene: Scene) -> dict[Capability, Finding]:
    nodes = await ask_workers(scene.api, Agent.mechanisms)
    return {Capability.NETEM: decide_netem(nodes), Capability.DELAY: decide_delay(nodes)}


def decide_netem(nodes: dict[str, dict[str, bool]]) -> Finding:
    if without := [node for node, has in nodes.items() if not has["netem"]]:
        return absent(_("The kernel of %(nodes)s took no netem queue."), nodes=", ".join(without))
    return present(_("The kernel of every node took a netem queue."))


def decide_delay(nodes: dict[str, dict[str, bool]]) -> Finding:
    if without := [node for node, has in nodes.items() if not (has["netem"] or has["relay"])]:
        words = _("The kernel of %(nodes)s has neither netem nor a queue for packets to wait in.")
        return absent(words, nodes=", ".join(without))
    if all(has["netem"] for has in nodes.values()):
        return present(_("netem can delay packets on every node."))
    return present(_("Every node can delay packets: by netem, or by the agent's own queue."))
