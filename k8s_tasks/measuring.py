"""A worker's part of a preflight: measure the cluster and keep what was found."""

import logging

from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.domain.capabilities import keep_capabilities
from k8s_tasks.domain.clusters import portal_id
from k8s_tasks.loop import api_of, on_loop
from k8s_tasks.models import Cluster
from k8s_tasks.preflight.measuring import measure

logger = logging.getLogger(__name__)


def preflight(cluster_id: str) -> None:
    """A cluster that does not answer at all is the watcher's to tell of; it asks again."""
    cluster = Cluster.objects.filter(pk=cluster_id).first()
    if cluster is None:
        return
    try:
        uid, found = on_loop(_measure(cluster.kubeconfig_path))
    except ClusterError as error:
        logger.warning("cluster %s could not be measured: %s", cluster.name, error)
        return
    keep_capabilities(cluster, uid, found)


async def _measure(kubeconfig: str) -> tuple[str, dict[str, dict]]:
    api = await api_of(kubeconfig)
    return await api.uid(), await measure(api, portal_id())
