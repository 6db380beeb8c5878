"""The watcher: one process that keeps rows true.

It finds runs whose worker died, ends sessions whose time is over, keeps spare ones ready, asks each cluster
how it is, and follows the pods of all sessions by one watch per cluster. It lives outside the workers, for
it has to notice their death.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import aclosing

from django.db import DatabaseError
from django.db.models import Q
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from k8s_tasks.alive import sign_of_life
from k8s_tasks.chores import CHORES, EVERY_SECONDS
from k8s_tasks.cluster.api import Api, connect
from k8s_tasks.cluster.errors import ClusterError, NotFound, Refused
from k8s_tasks.cluster.namespaces import PORTAL_LABEL, main_namespace
from k8s_tasks.cluster.objects import list_pods
from k8s_tasks.cluster.topology import pod_facts
from k8s_tasks.domain.capabilities import ask_preflight, needs_preflight
from k8s_tasks.domain.clusters import mark_healthy, mark_ill, portal_id
from k8s_tasks.domain.placing import serve_queue, tend_own_netlabs
from k8s_tasks.domain.reaping import Reaper
from k8s_tasks.domain.rechecks import ask_recheck
from k8s_tasks.domain.runs import finish_ended_runs
from k8s_tasks.domain.sessions import expire_sessions, lose_sessions_of_silent_clusters, update_pods
from k8s_tasks.domain.spares import tend_spares
from k8s_tasks.enums import LIVE_SESSION_STATES, USABLE_SESSION_STATES
from k8s_tasks.following_course import follow_course
from k8s_tasks.in_database import in_database
from k8s_tasks.models import Cluster, LabSession
from k8s_tasks.redis_keys import redis_client, service_beat
from k8s_tasks.streams import publish_notice
from k8s_tasks.sweeping import sweep
from k8s_tasks.transcripts import forget_old_transcripts

logger = logging.getLogger(__name__)

HOUSEKEEPING_SECONDS = 2
PLACING_SECONDS = 1
SPARES_SECONDS = 3
HEALTH_SECONDS = 5
HEALTH_LIMIT = 4  # an answer that takes longer is none
LATE_AT_MOST = 1  # one such in a row may be a busy moment; a refused connection is believed at once
GONE = 410
OBJECTS = (  # what students change and conditions read; pods are watched for the drawing as well
    "/api/v1/pods",
    "/api/v1/services",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/apps/v1/deployments",
)
BALANCED = OBJECTS[1:3]  # what kube-proxy makes rules of
SWEEP_EVERY = 12  # health rounds
BEAT_LASTS = 10
FORGET_SECONDS = 3600
_TROUBLE = (RedisError, DatabaseError, OperationalError, OSError)


async def watch() -> None:
    """Runs for ever."""
    follow_course("watcher")
    async with asyncio.TaskGroup() as group:
        group.create_task(_again_and_again(House().keep, HOUSEKEEPING_SECONDS), name="housekeeping")
        group.create_task(_again_and_again(do_chores, EVERY_SECONDS), name="chores")
        group.create_task(_again_and_again(tend_spare_sessions, SPARES_SECONDS), name="spare sessions")
        group.create_task(_again_and_again(place_sessions, PLACING_SECONDS), name="whole clusters")
        group.create_task(_again_and_again(ClusterWatch(group).look, HEALTH_SECONDS), name="cluster health")


async def place_sessions() -> None:
    """Beside the housekeeping, because the end of a netlab is waited for."""
    await in_database(serve_queue)
    await in_database(tend_own_netlabs)


async def tend_spare_sessions() -> None:
    await in_database(tend_spares)


async def do_chores() -> None:
    for chore in CHORES:
        await in_database(chore)


async def _again_and_again(act: Callable[[], Awaitable], seconds: float) -> None:
    """A Redis or database that is away for a while must not end the watcher."""
    while True:
        try:
            await act()
        except _TROUBLE as error:
            logger.warning("%s failed: %s", act.__qualname__, error)
        await asyncio.sleep(seconds)


class House:
    """One round: beat, give lost runs up, end old sessions."""

    def __init__(self):
        self._reaper = Reaper()
        self._forgot_at = 0.0

    async def keep(self) -> None:
        sign_of_life()
        await in_database(self._keep)

    def _keep(self) -> None:
        redis_client().set(service_beat("watcher"), "1", ex=BEAT_LASTS)
        for run in self._reaper.look():
            logger.warning("run %s was lost", run.pk)
        expire_sessions()
        lose_sessions_of_silent_clusters()
        finish_ended_runs()
        self._forget()

    def _forget(self) -> None:
        """Once an hour: old transcripts are many, and nobody waits for their end."""
        if time.monotonic() - self._forgot_at > FORGET_SECONDS or not self._forgot_at:
            self._forgot_at = time.monotonic()
            if count := forget_old_transcripts():
                logger.info("%d old transcripts were deleted", count)


def clusters_that_run() -> list[Cluster]:
    """All but netlabs of their own that nobody has now."""
    taken = LabSession.objects.filter(state__in=LIVE_SESSION_STATES, cluster__slot__isnull=False)
    return list(Cluster.objects.filter(Q(slot=None) | Q(pk__in=taken.values("cluster"))))


class ClusterWatch:
    """Asks each registered cluster how it is, and follows the pods of those that are well."""

    def __init__(self, group: asyncio.TaskGroup):
        self._group = group
        self._apis: dict[str, Api] = {}
        self._followers: dict[str, asyncio.Task] = {}
        self._late: Counter[str] = Counter()
        self._round = 0

    async def look(self) -> None:
        clusters = await in_database(clusters_that_run)
        for path in self._apis.keys() - {cluster.kubeconfig_path for cluster in clusters}:
            await self._forget(path)
        await asyncio.gather(*(self._look_at(cluster) for cluster in clusters))
        self._round += 1

    async def _look_at(self, cluster: Cluster) -> None:
        path = cluster.kubeconfig_path
        try:
            async with asyncio.timeout(HEALTH_LIMIT):
                api = self._apis.get(path) or await connect(path)
                self._apis[path] = api
                version, uid = await api.version(), await api.uid()
        except TimeoutError:
            self._late[path] += 1
            if self._late[path] > LATE_AT_MOST:
                await self._give_up(cluster, f"no answer within {HEALTH_LIMIT} s")
            return
        except ClusterError as error:
            await self._give_up(cluster, str(error))
            return
        del self._late[path]
        await in_database(lambda: mark_healthy(cluster, version=version, uid=uid))
        if cluster.slot is None and needs_preflight(cluster):
            await in_database(ask_preflight, cluster)
        if self._round % SWEEP_EVERY == 0:
            await sweep(api)
        if path not in self._followers or self._followers[path].done():
            self._followers[path] = self._group.create_task(follow(api), name=f"objects of {cluster.name}")

    async def _give_up(self, cluster: Cluster, why: str) -> None:
        await self._forget(cluster.kubeconfig_path)
        await in_database(mark_ill, cluster, why)

    async def _forget(self, path: str) -> None:
        """The next round connects anew: the kubeconfig may be another one by then."""
        if follower := self._followers.pop(path, None):
            follower.cancel()
        if api := self._apis.pop(path, None):
            await api.close()


async def follow(api: Api) -> None:
    """All watches of one cluster, until it stops answering."""
    objects = asyncio.create_task(follow_objects(api), name="objects")
    try:
        await follow_pods(api)
    finally:
        objects.cancel()


async def follow_pods(api: Api) -> None:
    """Keep the bindings of all sessions like their pods, until the cluster stops answering."""
    ours = f"{PORTAL_LABEL}={portal_id()}"
    try:
        while True:
            listed, version = await list_pods(api, labels=ours)
            pods = {_key(pod): pod for pod in listed}
            for namespace in {namespace for namespace, _name in pods}:
                await _update(namespace, pods)
            await _follow_from(api, ours, version, pods)
    except ClusterError as error:
        logger.info("the watch of pods ended: %s", error)
    except _TROUBLE as error:
        logger.warning("the watch of pods broke: %s", error)


async def _follow_from(api: Api, ours: str, version: str, pods: dict) -> None:
    query = {"labelSelector": ours, "resourceVersion": version}
    async with aclosing(api.watch("/api/v1/pods", query=query)) as events:
        async for event in events:
            pod = event["object"]
            if event["type"] == "DELETED":
                pods.pop(_key(pod), None)
            elif event["type"] in ("ADDED", "MODIFIED"):
                pods[_key(pod)] = pod
            else:
                continue
            await _update(pod["metadata"]["namespace"], pods)


async def _update(namespace: str, pods: dict) -> None:
    # By namespace: labels are the student's to change, and must not reach another's session.
    facts = [pod_facts(pod) for (place, _name), pod in sorted(pods.items()) if place == namespace]
    await in_database(update_pods, namespace, facts)


async def follow_objects(api: Api) -> None:
    """Have conditions checked when an object they may be about changes; ends when the cluster is ill."""
    async with asyncio.TaskGroup() as group:
        for path in OBJECTS:
            group.create_task(_follow_kind(api, path), name=f"watch of {path}")


async def _follow_kind(api: Api, path: str) -> None:
    try:
        while True:
            listed = await api.request("GET", path, query={"limit": "1"})
            await _hear(api, path, listed["metadata"]["resourceVersion"])
    except NotFound:
        logger.info("the cluster does not serve %s", path)
    except ClusterError as error:
        logger.info("the watch of %s ended: %s", path, error)


async def _hear(api: Api, path: str, version: str) -> None:
    """Until the server ends the watch, or has forgotten the version it began with."""
    try:
        async with aclosing(api.watch(path, query={"resourceVersion": version})) as events:
            async for event in events:
                if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                    await in_database(hear_change, path, event["object"]["metadata"]["namespace"])
    except Refused as error:
        if error.status != GONE:
            raise


def hear_change(path: str, namespace: str) -> None:
    """Ask for a check when it is a session's namespace; what kube-proxy makes rules of is told to pages."""
    live = LabSession.objects.filter(namespace=main_namespace(namespace), state__in=USABLE_SESSION_STATES)
    for session_id in live.values_list("pk", flat=True):
        ask_recheck(session_id)
        if path in BALANCED:
            publish_notice(session_id, "services", {})


def _key(pod: dict) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]
