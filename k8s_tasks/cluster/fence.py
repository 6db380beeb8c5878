"""Keeps what students run off the nodes, where the cluster can do that.

A pod with the node's network or files would reach other students and the platform's captures.
Only a cluster that enforces the admission policies lets students make pods.
"""

import logging
from pathlib import Path

from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.objects import apply_manifests, read_manifests

logger = logging.getLogger(__name__)

POLICIES = Path(__file__).parents[2] / "deploy" / "policies"


async def fence_pods(api: Api) -> bool:
    """Install the policies; False where the cluster does not serve or take it."""
    try:
        texts = (path.read_text() for path in sorted(POLICIES.glob("*.yaml")))
        await apply_manifests(api, read_manifests(*texts))
    except ClusterError as error:
        logger.info("students may make no pods on this cluster: %s", error)
        return False
    return True
