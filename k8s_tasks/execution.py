"""How each kind of run is carried out, and how what it started is ended.

command, terminal   a process in the student's pod, as the student
node, capture       a process in the node agent's pod, as the platform: its words are the lab's
apply, impair       the worker's own deed: objects as the student, the link of one pod by the agent
proxy               the worker's own deed: another mode of kube-proxy, on a cluster that nobody else is on
addon               a process in the ingress controller's pod, as the platform, or the worker's look at a log
"""

from collections.abc import Mapping
from dataclasses import dataclass

from curriculum.course import get_course
from curriculum.parameters import render_argv, substitute
from curriculum.specs import LabSpec, Step
from k8s_tasks import deeds
from k8s_tasks.cluster.addons import run_in_addon
from k8s_tasks.cluster.agent import NAMESPACE, Agent, agents_by_node, agents_for
from k8s_tasks.cluster.api import Api, student_identity
from k8s_tasks.cluster.as_student import AsStudent
from k8s_tasks.cluster.errors import ExecFailed, NotFound, NotReady
from k8s_tasks.cluster.execs import Process, run_to_end, start_process
from k8s_tasks.cluster.topology import pod_facts
from k8s_tasks.deeds import Deed
from k8s_tasks.enums import RunKind
from k8s_tasks.loop import api_of
from k8s_tasks.models import Run
from k8s_tasks.preparing import session_labels
from k8s_tasks.queries import step_values
from k8s_tasks.texts import read_objects

POD_GRACE = 15  # seconds the pod's own clock gives a command beyond ours; it matters when we are dead
ON_POD_LINK = (RunKind.CAPTURE, RunKind.IMPAIR)
BY_AGENT = (RunKind.NODE, RunKind.CAPTURE)
ENDS_ITSELF = (RunKind.APPLY, RunKind.IMPAIR, RunKind.ADDON, RunKind.PROXY)


@dataclass(frozen=True)
class Work:
    """A run and what is known of its step; `address` is its pod's, as the cluster says now."""

    run: Run
    lab: LabSpec
    values: Mapping[str, object]
    address: str = ""

    @property
    def step(self) -> Step:
        return self.lab.step(self.run.step)

    @property
    def namespace(self) -> str:
        return self.run.session.namespace


def work_of(run: Run, place: dict | None) -> Work:
    """All that the loop may not ask the database for. `place` is what `locate` found."""
    lab = get_course().lab(run.session.attempt.lab.slug)
    return Work(run, lab, step_values(run.session), place["address"] if place else "")


async def locate(run: Run) -> dict | None:
    """Where the pod is whose link is touched: an address it had before may be another session's now.

    None for runs that touch no link. Raises NotReady.
    """
    if run.kind not in ON_POD_LINK:
        return None
    api = await api_of(run.session.cluster.kubeconfig_path)
    try:
        place = f"/api/v1/namespaces/{run.session.namespace_of(run.pod)}"
        pod = await api.request("GET", f"{place}/pods/{run.pod}")
    except NotFound:
        raise NotReady(f"the pod {run.pod} is not there") from None
    facts = pod_facts(pod)
    if facts["phase"] != "Running" or not facts["address"]:
        raise NotReady(f"the pod {run.pod} is not running")
    return facts


async def start(work: Work, seconds: float) -> Process | Deed:
    """Raises ClusterError."""
    api = await api_of(work.run.session.cluster.kubeconfig_path)
    started = await _WAYS[work.run.kind](api, work, int(seconds) + POD_GRACE)
    api.warm_up()
    return started


async def end_process(run: Run) -> None:
    """Kill what a run started in a pod. Raises ClusterError; a pod that is gone is fine."""
    if run.kind in ENDS_ITSELF:
        return
    api = await api_of(run.session.cluster.kubeconfig_path)
    argv = ["redes-kill", str(run.pk)]
    try:
        process = await _start_killing(api, run, argv)
    except NotFound:
        return
    await run_to_end(process, seconds=10)


async def _start_killing(api: Api, run: Run, argv: list[str]) -> Process:
    if run.kind in BY_AGENT:
        return await start_process(api, NAMESPACE, (await _agent_on(api, run.node)).pod, argv)
    identity = student_identity(run.session.namespace)
    return await start_process(api, run.session.namespace_of(run.pod), run.pod, argv, as_user=identity)


async def packets_at_node(run: Run) -> bytes:
    """What a live capture has kept so far, as pcap. Raises ClusterError."""
    api = await api_of(run.session.cluster.kubeconfig_path)
    return await (await _agent_on(api, run.node)).kept_packets(str(run.pk))


async def forget_packets(run: Run) -> None:
    """Raises ClusterError."""
    api = await api_of(run.session.cluster.kubeconfig_path)
    await (await _agent_on(api, run.node)).drop_packets(str(run.pk))


async def packets_in_pod(run: Run, file: str, limit: int) -> bytes:
    """The first bytes of a capture file that a student's command left in its pod, read as the student.
    Raises ClusterError."""
    api = await api_of(run.session.cluster.kubeconfig_path)
    process = await start_process(
        api,
        run.session.namespace_of(run.pod),
        run.pod,
        ["head", "-c", str(limit), "--", file],
        as_user=student_identity(run.session.namespace),
    )
    done = await run_to_end(process, seconds=15)
    if done.exit_code:
        raise ExecFailed(done.stderr.decode(errors="replace").strip())
    return done.stdout


async def _agent_on(api: Api, node: str) -> Agent:
    agents = await agents_by_node(api)
    return agents[node] if node in agents else (await agents_for(api, {node}))[node]


def _marked(work: Work, seconds: int, argv: list[str]) -> list[str]:
    return ["redes-run", str(work.run.pk), str(seconds), "--", *argv]


async def _in_pod(api: Api, work: Work, seconds: int) -> Process:
    is_terminal = work.run.kind == RunKind.TERMINAL
    return await start_process(
        api,
        work.run.session.namespace_of(work.run.pod),
        work.run.pod,
        _marked(work, seconds, work.run.argv),
        as_user=student_identity(work.namespace),
        stdin=is_terminal,
        tty=is_terminal,
    )


async def _by_agent(api: Api, work: Work, seconds: int, argv: list[str]) -> Process:
    agent = await _agent_on(api, work.run.node)
    return await start_process(api, NAMESPACE, agent.pod, _marked(work, seconds, argv))


async def _on_node(api: Api, work: Work, seconds: int) -> Process:
    return await _by_agent(api, work, seconds, work.run.argv)


async def _watch_link(api: Api, work: Work, seconds: int) -> Process:
    words = render_argv(work.step, work.values)
    watch = ["redes-agent", "capture", "watch", str(work.run.pk), work.address]
    return await _by_agent(api, work, seconds, [*watch, *words])


async def _apply(api: Api, work: Work, seconds: int) -> Deed:
    student = AsStudent(api, work.namespace, session_labels(str(work.run.session_id)))
    manifests = [written.value for written in read_objects(work.run.text)]
    act = deeds.remove_all if work.step.remove else deeds.apply_all
    return Deed(lambda deed: act(deed, student, manifests))


async def _impair(api: Api, work: Work, seconds: int) -> Deed:
    agent, step = await _agent_on(api, work.run.node), work.step
    if step.mtu:
        mtu = int(substitute(step.mtu, work.values))
        return Deed(lambda deed: deeds.narrow(deed, agent, work.address, mtu))
    effects = step.effects.given if step.effects else {}
    return Deed(lambda deed: deeds.impair(deed, agent, work.address, step.direction, effects))


async def _ask_addon(api: Api, work: Work, seconds: int) -> Process | Deed:
    step = work.step
    if step.argv:
        return await run_in_addon(api, step.addon, render_argv(step, work.values), seconds=seconds)
    only = substitute(step.only, work.values)
    facts = {"node": work.run.node, "only": only, "since": work.run.session.created_at}
    return Deed(lambda deed: deeds.show_log(deed, api, step.addon, **facts))


async def _change_proxy(api: Api, work: Work, seconds: int) -> Deed:
    step = work.step
    wanted = {"mode": step.mode, "verbosity": step.verbosity, "session": str(work.run.session_id)}
    return Deed(lambda deed: deeds.change_proxy(deed, api, **wanted))


_WAYS = {
    RunKind.COMMAND: _in_pod,
    RunKind.TERMINAL: _in_pod,
    RunKind.NODE: _on_node,
    RunKind.CAPTURE: _watch_link,
    RunKind.APPLY: _apply,
    RunKind.IMPAIR: _impair,
    RunKind.ADDON: _ask_addon,
    RunKind.PROXY: _change_proxy,
}
