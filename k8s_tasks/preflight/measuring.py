"""One preflight: all probes at once, and none that breaks takes another with it."""

import asyncio
import logging

from django.utils import timezone

from curriculum.enums import Capability
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.preflight.findings import Finding, broken
from k8s_tasks.preflight.registry import PROBES, Probe
from k8s_tasks.preflight.scene import Scene, open_scene

logger = logging.getLogger(__name__)

LIMIT = 40  # seconds for one probe: a cluster that has not our image yet must pull it


async def measure(api: Api, owner: str) -> dict[str, dict]:
    """{capability: {"state", "reason", "at"}, "address" where there is one}} of this cluster, now.

    `owner` names this portal."""
    try:
        async with open_scene(api, owner) as scene:
            answers = await asyncio.gather(*(_ask(probe, names, scene) for probe, names in PROBES.items()))
    except ClusterError as error:
        answers = [dict.fromkeys(Capability, broken(error))]
    at = timezone.now().isoformat()
    return {
        name.value: {**finding.told(), "at": at} for answer in answers for name, finding in answer.items()
    }


async def _ask(probe: Probe, names: tuple[Capability, ...], scene: Scene) -> dict[Capability, Finding]:
    try:
        async with asyncio.timeout(LIMIT):
            return await probe(scene)
    except (ClusterError, TimeoutError) as error:
        return dict.fromkeys(names, broken(error))
    except Exception as error:
        logger.exception("the probe of %s broke", ", ".join(names))
        return dict.fromkeys(names, broken(error))
