"""The dissector: the pod in which tshark reads captures. It has no network, no rights and no files; see
docs/decisions/0006-where-captures-are-read.md."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from k8s_tasks.cluster.agent import NAMESPACE
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import NotFound, NotReady
from k8s_tasks.cluster.execs import Completed, run_to_end, start_process
from k8s_tasks.cluster.objects import apply_manifests, is_ready, list_pods, read_manifests, wait_for_pods

LABELS = "app=redes-dissector"
MANIFEST = Path(__file__).parents[2] / "deploy" / "agent" / "dissector.yaml"
AT_ONCE = 2  # of one process; each may take a processor and some hundred megabytes
START_SECONDS = 30
GRACE = 10  # seconds beyond tshark's own, for the way there and back
_PIECE = 64 * 1024

_places: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


async def ask_tshark(
    api: Api, pcap: bytes, arguments: Sequence[str], *, limit: int, seconds: int
) -> Completed:
    """What tshark says of a capture, at most `limit` bytes of it; `arguments` stand behind `tshark -r FILE`.
    Raises ClusterError."""
    argv = ["redes-dissect", str(len(pcap)), str(limit), str(seconds), "--", *arguments]
    async with _places.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_ONCE)):
        process = await start_process(api, NAMESPACE, await _dissector(api), argv, stdin=True)
        for start in range(0, len(pcap), _PIECE):
            await process.write(pcap[start : start + _PIECE])
        return await run_to_end(process, seconds=seconds + GRACE, limit=limit + 1)


async def _dissector(api: Api) -> str:
    """Its pod, installed and waited for when it is absent. Raises ClusterError."""
    if ready := await _ready_dissectors(api):
        return ready[0]
    await apply_manifests(api, read_manifests(MANIFEST.read_text()))
    pods: dict[str, dict] = {}
    try:
        await wait_for_pods(
            api,
            NAMESPACE,
            lambda: any(map(is_ready, pods.values())),
            into=pods,
            seconds=START_SECONDS,
            labels=LABELS,
        )
    except TimeoutError:
        raise NotReady(f"the dissector was not ready within {START_SECONDS} s") from None
    return next(name for name, pod in pods.items() if is_ready(pod))


async def _ready_dissectors(api: Api) -> list[str]:
    try:
        pods, _ = await list_pods(api, namespace=NAMESPACE, labels=LABELS)
    except NotFound:
        return []
    return [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
