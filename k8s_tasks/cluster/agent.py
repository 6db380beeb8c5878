"""The node agent: one pod per node, in the platform's namespace, driven by exec with fixed verbs.

It captures at the node's end of a pod's link, where the student, who is root inside the pod,
cannot reach.
"""

from dataclasses import dataclass
from pathlib import Path

from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import AgentError, NotFound
from k8s_tasks.cluster.execs import Completed, run_to_end, start_process
from k8s_tasks.cluster.objects import apply_manifests, is_ready, list_pods, read_manifests, wait_for_pods

NAMESPACE = "redes-system"
LABELS = "app=redes-node-agent"
MANIFEST = Path(__file__).parents[2] / "deploy" / "agent" / "node-agent.yaml"
NO_CAPTURE = 3  # redes-agent's exit code


class CaptureGone(AgentError):
    """There is no such capture, or tcpdump has died: nothing can be concluded from it."""


@dataclass(frozen=True)
class Agent:
    """The agent's pod on one node."""

    api: Api
    pod: str

    async def start_capture(self, capture: str, address: str, filter_words: list[str]) -> None:
        """Returns once tcpdump listens. A capture that is running already is left alone."""
        done = await self._do("capture", "start", capture, address, *filter_words)
        if done.exit_code and b"is running already" not in done.stderr:
            raise AgentError(_words(done))

    async def read_capture(self, capture: str) -> bytes:
        """The packets so far, as pcap. Raises CaptureGone."""
        done = await self._do("capture", "read", capture)
        if done.exit_code == NO_CAPTURE:
            raise CaptureGone(_words(done))
        if done.exit_code:
            raise AgentError(_words(done))
        return done.stdout

    async def stop_capture(self, capture: str) -> None:
        await self._do("capture", "stop", capture)

    async def _do(self, *words: str) -> Completed:
        process = await start_process(self.api, NAMESPACE, self.pod, ["redes-agent", *words])
        return await run_to_end(process, seconds=15)


async def install_agent(api: Api) -> None:
    """Apply the DaemonSet; the same again is no change."""
    await apply_manifests(api, read_manifests(MANIFEST.read_text()))


async def agents_by_node(api: Api) -> dict[str, Agent]:
    """The agents that are ready now."""
    pods, _ = await list_pods(api, namespace=NAMESPACE, labels=LABELS)
    return {pod["spec"]["nodeName"]: Agent(api, pod["metadata"]["name"]) for pod in pods if is_ready(pod)}


async def agents_for(api: Api, nodes: set[str], *, seconds: float = 20) -> dict[str, Agent]:
    """Agents for these nodes, installed and waited for when absent. Raises AgentError."""
    agents = await _agents_or_none(api)
    if nodes <= agents.keys():
        return agents
    await install_agent(api)
    pods: dict[str, dict] = {}
    try:
        await wait_for_pods(
            api, NAMESPACE, lambda: nodes <= _ready_nodes(pods), into=pods, seconds=seconds, labels=LABELS
        )
    except TimeoutError:
        missing = ", ".join(sorted(nodes - _ready_nodes(pods)))
        raise AgentError(f"no node agent became ready on {missing} within {seconds:g} s") from None
    return await agents_by_node(api)


def _ready_nodes(pods: dict[str, dict]) -> set[str]:
    return {pod["spec"]["nodeName"] for pod in pods.values() if is_ready(pod)}


async def _agents_or_none(api: Api) -> dict[str, Agent]:
    try:
        return await agents_by_node(api)
    except NotFound:
        return {}


def _words(done: Completed) -> str:
    return done.stderr.decode(errors="replace").strip() or f"redes-agent ended with {done.exit_code}"
