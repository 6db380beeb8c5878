"""What the nodes' kernels do when the agent asks them: nftables, iptables, IPVS, BBR, eBPF.

The text of `on_node` is run as it is by the Python of the agent's pod, so that an agent of an older
image answers too.
"""

import errno
import json
import os
from pathlib import Path

from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from k8s_tasks.cluster.agent import Agent
from k8s_tasks.cluster.errors import AgentError
from k8s_tasks.preflight.agents import ask_workers
from k8s_tasks.preflight.findings import PROBE_FAILED, Finding, absent, present, unknown
from k8s_tasks.preflight.scene import Scene

ON_NODE = Path(__file__).with_name("on_node.py")

_WORDS = {
    Capability.NFTABLES: (
        _("The kernel of every node takes an nftables table as kube-proxy writes it."),
        _("%(node)s took no nftables table: %(said)s"),
    ),
    Capability.IPTABLES: (
        _("On every node kube-proxy writes iptables rules."),
        _("On %(node)s kube-proxy writes no iptables rules: %(said)s"),
    ),
    Capability.IPVS: (
        _("The kernel of every node has IPVS."),
        _("The kernel of %(node)s has no IPVS."),
    ),
    Capability.BBR: (
        _("The kernel of every node gives a TCP socket BBR."),
        _("The kernel of %(node)s has no BBR."),
    ),
    Capability.EBPF: (
        _("On every node the platform's agent can load an eBPF program."),
        _("On %(node)s the platform's agent may not load an eBPF program: %(said)s"),
    ),
}
_IPVS_BARRED = _("The kernel of %(node)s has IPVS, but lets nobody in a user namespace use it.")


async def probe(scene: Scene) -> dict[Capability, Finding]:
    nodes = await ask_workers(scene.api, _ask)
    return {name: decide(name, {node: told[name] for node, told in nodes.items()}) for name in _WORDS}


async def _ask(agent: Agent) -> dict[str, dict]:
    argv = ["python3", "-I", "-c", ON_NODE.read_text()]
    done = await agent.run(argv, seconds=15)
    if done.exit_code:
        said = done.stderr.decode(errors="replace").strip()
        raise AgentError(said or f"the agent's Python ended with {done.exit_code}")
    return json.loads(done.stdout)


def decide(name: Capability, nodes: dict[str, dict]) -> Finding:
    """Present where every node has it: pods may be placed on any. One that surely lacks it decides;
    one that could not be tried leaves it open."""
    everywhere, lacking = _WORDS[name]
    for node, told in nodes.items():
        if told.get("works") is False:
            barred = name == Capability.IPVS and told["said"] == os.strerror(errno.EPERM)
            return absent(_IPVS_BARRED if barred else lacking, node=node, said=told["said"])
    for node, told in nodes.items():
        if "error" in told:
            return unknown(PROBE_FAILED, error=f"{node}: {told['error']}")
    return present(everywhere)
