"""Keeps what students run off the nodes, where the cluster can do that.

A pod with the node's network or files would reach other students and the platform's captures.
Only a cluster that enforces the admission policy lets students make pods.
"""

import logging
from pathlib import Path

from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.objects import apply_manifests, read_manifests

logger = logging.getLogger(__name__)

POLICY = Path(__file__).parents[2] / "deploy" / "policies" / "student-pods.yaml"


async def fence_pods(api: Api) -> bool:
    """Install the policy; False where the cluster does not serve or take it."""
    try:
        await apply_manifests(api, read_manifests(POLICY.read_text()))
    except ClusterError as error:
        logger.info("students may make no pods on this cluster: %s", error)
        return False
    return True
