"""Takes from a cluster what sessions that are over have left on it: a worker may have died before it did, or
an agent may have been too busy to answer."""

import logging
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from k8s_tasks.cluster.agent import agents_by_node
from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.captures import end_captures, sessions_with_captures
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.namespaces import PORTAL_LABEL, main_namespace
from k8s_tasks.cluster.objects import delete_namespace
from k8s_tasks.cluster.proxy import restore_proxy, session_of_proxy
from k8s_tasks.domain.clusters import portal_id
from k8s_tasks.enums import LIVE_SESSION_STATES
from k8s_tasks.in_database import in_database
from k8s_tasks.models import LabSession, SpareSession

logger = logging.getLogger(__name__)

NO_SESSION_LASTS = timedelta(days=1)  # of whatever portal it is


async def sweep(api: Api) -> None:
    await sweep_namespaces(api)
    try:
        await sweep_captures(api)
    except ClusterError as error:
        logger.warning("captures could not be swept: %s", error)
    await sweep_proxy(api)


async def sweep_namespaces(api: Api) -> None:
    """Delete our namespaces whose session is over: a worker may have died before it did."""
    ours = {"labelSelector": f"{PORTAL_LABEL}={portal_id()}"}
    found = await api.request("GET", "/api/v1/namespaces", query=ours)
    names = [
        each["metadata"]["name"] for each in found["items"] if not each["metadata"].get("deletionTimestamp")
    ]
    for name in await in_database(namespaces_without_session, names):
        logger.info("deleting the left namespace %s", name)
        await delete_namespace(api, name)


def namespaces_without_session(names: list[str]) -> list[str]:
    mains = {name: main_namespace(name) for name in names}
    live = LabSession.objects.filter(namespace__in=mains.values(), state__in=LIVE_SESSION_STATES)
    kept = set(live.values_list("namespace", flat=True))
    kept |= set(SpareSession.objects.values_list("namespace", flat=True))
    return sorted(name for name, main in mains.items() if main not in kept)


async def sweep_captures(api: Api) -> None:
    """A capture that goes on costs its node the work of every packet. Raises ClusterError."""
    agents = await agents_by_node(api)
    for session_id in await in_database(sessions_over, await sessions_with_captures(agents)):
        logger.info("ending the left captures of session %s", session_id)
        await end_captures(agents, session_id)


async def sweep_proxy(api: Api) -> None:
    """Set kube-proxy back after a session that had the whole cluster and is over."""
    session_id = await session_of_proxy(api)
    if session_id and await in_database(is_over_here, session_id):
        logger.info("setting back the kube-proxy of session %s", session_id)
        await restore_proxy(api)


def is_over_here(session_id: str) -> bool:
    """Not where it is another portal's on the same cluster."""
    return LabSession.objects.filter(pk=session_id).exclude(state__in=LIVE_SESSION_STATES).exists()


def sessions_over(began: dict[UUID, datetime]) -> list[UUID]:
    """Of these sessions, by when their newest capture began. One that is not ours may be another portal's on
    the same cluster, or of somebody who was erased."""
    states = dict(LabSession.objects.filter(pk__in=began).values_list("pk", "state"))
    spare = set(SpareSession.objects.filter(pk__in=began).values_list("pk", flat=True))
    long_ago = timezone.now() - NO_SESSION_LASTS

    def is_over(session_id: UUID) -> bool:
        if session_id in states:
            return states[session_id] not in LIVE_SESSION_STATES
        return session_id not in spare and began[session_id] < long_ago

    return [session_id for session_id in began if is_over(session_id)]
