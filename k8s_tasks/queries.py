"""Questions about sessions, runs and what is alive."""

import math
from datetime import datetime

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Count, Max, Min
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from curriculum.enums import Scope
from curriculum.models import Attempt
from curriculum.parameters import settle
from curriculum.specs import LabSpec
from k8s_tasks.cluster.topology import fill_in_values
from k8s_tasks.domain.capabilities import choose_cluster
from k8s_tasks.domain.whole_clusters import why_no_whole_cluster
from k8s_tasks.enums import LIVE_SESSION_STATES, RunKind, RunState
from k8s_tasks.models import Cluster, ConditionResult, LabSession, Run, SharedTyping
from k8s_tasks.queue import STREAMS, VERIFY
from k8s_tasks.redis_keys import redis_client, service_beat

NEVER_RAN = (RunState.FAILED, RunState.LOST)
TYPED_RUNS = (RunKind.COMMAND, RunKind.TERMINAL)
SERVICES = ("streams", "verify", "watcher")


def current_session(attempt: Attempt) -> LabSession | None:
    """The newest session of an attempt, whatever its state."""
    return attempt.sessions.select_related("attempt__lab", "attempt__student", "cluster").first()


def topology(session: LabSession) -> dict:
    """{"nodes": [{name, address, pod_cidr}], "pods": [{name, address, node, phase, ready, image}]}."""
    return {"nodes": session.bindings.get("nodes", []), "pods": session.bindings.get("pods", [])}


def step_values(session: LabSession) -> dict:
    """What fills a lab's templates in: its parameters, and what the cluster decides."""
    decided = fill_in_values(session.namespace, session.bindings)
    return {**settle(session.attempt.parameters, decided), **decided}


def latest_results(attempt: Attempt) -> dict[str, ConditionResult]:
    """The newest result of each condition."""
    newest = (
        ConditionResult.objects.filter(attempt=attempt).order_by().values("condition").annotate(pk=Max("pk"))
    )
    results = ConditionResult.objects.filter(pk__in=[row["pk"] for row in newest])
    return {result.condition: result for result in results}


def failing_reasons(attempt: Attempt) -> dict[str, str]:
    """The word for the newest failure of each condition that is not proven, see `curriculum.reasons`."""
    proven = set(attempt.passes.values_list("condition", flat=True))
    results = latest_results(attempt)
    return {key: each.code for key, each in results.items() if each.code and key not in proven}


def latest_runs(session: LabSession) -> dict[str, Run]:
    """The newest run of each step."""
    runs = session.runs.exclude(step="").order_by("created_at")
    return {run.step: run for run in runs}


def steps_run(attempt: Attempt) -> set[str]:
    """The steps of which a run has come to its end, in any session of the attempt."""
    runs = Run.objects.filter(session__attempt=attempt, started_at__isnull=False, ended_at__isnull=False)
    return set(runs.exclude(state__in=NEVER_RAN).order_by().values_list("step", flat=True).distinct())


def came_to_an_end(run: Run) -> bool:
    """Whether the run has shown what it had to show; by whom it was ended does not matter."""
    return bool(run.started_at and run.ended_at) and run.state not in NEVER_RAN


def run_spans(session: LabSession) -> dict[str, tuple[float, float]]:
    """When the last run of each step began and ended, in seconds since 1970; one that goes on ends never."""
    return {
        step: (run.created_at.timestamp(), run.ended_at.timestamp() if run.ended_at else math.inf)
        for step, run in latest_runs(session).items()
    }


def helped_since(attempt: Attempt) -> datetime | None:
    """When somebody else than the student first typed in a terminal of the attempt."""
    typings = SharedTyping.objects.filter(run__session__attempt=attempt)
    return typings.aggregate(first=Min("began_at"))["first"]


def why_no_cluster_fits(lab: LabSpec) -> str | None:
    """What no healthy cluster has of what the lab requires; None when one has it all."""
    if lab.scope == Scope.EXCLUSIVE:
        return why_no_whole_cluster(lab.slug)
    return choose_cluster(lab.requires)[1]


def service_health() -> dict[str, dict]:
    """{name: {"ok", "detail"}} of redis, database, the two workers, the watcher and each cluster."""
    return {"database": _database_health(), **_redis_health(), **_cluster_health()}


def why_not_ready() -> dict[str, str]:
    """{part: sentence} of what keeps a web process from serving pages; addresses and secrets stay out."""
    return {**_why_no_database(), **_why_no_redis()}


def _why_no_database() -> dict[str, str]:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return {"database": _("does not answer")}
    if waiting:
        return {"database": _("migrations wait to be applied: manage.py migrate")}
    return {}


def _why_no_redis() -> dict[str, str]:
    try:
        redis_client().ping()
    except (RedisError, OSError):
        return {"redis": _("does not answer")}
    return {}


def live_sessions_by_cluster() -> list[tuple[str, str, int]]:
    """(cluster, state, how many); those that wait for one have none yet."""
    live = LabSession.objects.filter(state__in=LIVE_SESSION_STATES).order_by()
    counted = live.values_list("cluster__name", "state").annotate(Count("pk"))
    return [(cluster or "none", state, count) for cluster, state, count in counted]


def runs_since(moment: datetime) -> list[tuple[str, str, int]]:
    """(kind, state, how many) of the runs asked for since then."""
    runs = Run.objects.filter(created_at__gte=moment).order_by()
    return list(runs.values_list("kind", "state").annotate(Count("pk")))


def start_waits(moment: datetime) -> list[float]:
    """Seconds from the click to the start, sorted, of the commands and terminals asked for since then."""
    runs = Run.objects.filter(created_at__gte=moment, started_at__isnull=False, kind__in=TYPED_RUNS)
    return sorted(
        (ended - began).total_seconds() for began, ended in runs.values_list("created_at", "started_at")
    )


def queue_lengths() -> dict[str, int]:
    """Tasks in the broker's lists that no worker has taken."""
    pipe = redis_client().pipeline(transaction=False)
    for queue in (STREAMS, VERIFY):
        pipe.llen(queue)
    return dict(zip((STREAMS, VERIFY), pipe.execute(), strict=True))


def _database_health() -> dict:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return _part(False, str(error))
    return _part(True)


def _redis_health() -> dict[str, dict]:
    try:
        beats = redis_client().mget([service_beat(service) for service in SERVICES])
    except (RedisError, OSError) as error:
        return {"redis": _part(False, str(error))}
    parts = {service: _service_part(beat) for service, beat in zip(SERVICES, beats, strict=True)}
    return {"redis": _part(True), **parts}


def _service_part(beat: bytes | None) -> dict:
    return _part(True) if beat else _part(False, _("is not running"))


def _cluster_health() -> dict[str, dict]:
    try:
        clusters = list(Cluster.objects.filter(slot=None).order_by("name"))
    except DatabaseError:
        return {}
    if not clusters:
        return {"cluster": _part(False, _("no cluster is registered"))}
    return {f"cluster:{each.name}": _part(each.is_healthy, each.health) for each in clusters}


def _part(ok: bool, detail: str = "") -> dict:
    return {"ok": ok, "detail": detail}
