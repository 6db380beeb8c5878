"""`/metrics` for a Prometheus: what this web process served, and what the whole portal is at.

The portal's own figures are asked of the database and Redis at each scrape, so every web process tells
the same ones; a dashboard takes the maximum over them. Names follow Prometheus' rules: base units,
`_total` for counters.
"""

import logging
import secrets
import time
from collections.abc import Iterator
from datetime import timedelta

from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import Http404, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from k8s_tasks import queries

RECENT = timedelta(minutes=5)

requests = Counter(
    "portal_http_requests_total", "Pages served by this process.", ["route", "method", "status"]
)
seconds = Histogram(
    "portal_http_request_seconds",
    "Time to answer a page.",
    ["route"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
open_sockets = Gauge("portal_open_sockets", "WebSockets open in this process.")

logger = logging.getLogger(__name__)


@login_not_required
@require_safe
@never_cache
def metrics(request):
    """Only for who bears METRICS_TOKEN; where none is set, nothing is here."""
    token = settings.OPTIONS["METRICS_TOKEN"]
    borne = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not token or not secrets.compare_digest(borne.encode(), token.encode()):
        raise Http404
    whole = CollectorRegistry()
    whole.register(PortalCollector())
    return HttpResponse(generate_latest(REGISTRY) + generate_latest(whole), content_type=CONTENT_TYPE_LATEST)


class PortalCollector(Collector):
    """The portal as a whole. What cannot be asked (no database, no Redis) is left out, never told as zero."""

    def collect(self) -> Iterator[Metric]:
        for family in (_services, _sessions, _runs, _waits, _queues):
            try:
                yield from family()
            except (DatabaseError, RedisError, OSError) as error:
                logger.warning("a metric could not be asked: %s", error)


def _services() -> Iterator[Metric]:
    """1 for each part that answers: services, and clusters as `cluster:<name>`."""
    family = GaugeMetricFamily("portal_service_up", "1 when the part answers.", labels=["service"])
    for name, part in queries.service_health().items():
        family.add_metric([name], int(part["ok"]))
    yield family


def _sessions() -> Iterator[Metric]:
    family = GaugeMetricFamily("portal_lab_sessions", "Live lab sessions.", labels=["cluster", "state"])
    for cluster, state, count in queries.live_sessions_by_cluster():
        family.add_metric([cluster, state], count)
    yield family


def _runs() -> Iterator[Metric]:
    """Counts of the last five minutes and not since ever: an old portal's table is long."""
    family = GaugeMetricFamily(
        "portal_recent_runs", "Runs begun in the last 5 minutes.", labels=["kind", "state"]
    )
    for kind, state, count in queries.runs_since(timezone.now() - RECENT):
        family.add_metric([kind, state], count)
    yield family


def _waits() -> Iterator[Metric]:
    """From the click to the process in the pod, of the commands of the last five minutes."""
    waits = queries.start_waits(timezone.now() - RECENT)
    family = GaugeMetricFamily(
        "portal_run_start_seconds",
        "From the click to a started command, last 5 minutes.",
        labels=["quantile"],
    )
    if waits:
        for quantile in (0.5, 0.95):
            family.add_metric([str(quantile)], waits[min(len(waits) - 1, int(quantile * len(waits)))])
    yield family


def _queues() -> Iterator[Metric]:
    """What waits in the broker for a worker: the measure to scale workers by."""
    family = GaugeMetricFamily("portal_queue_length", "Tasks that wait for a worker.", labels=["queue"])
    for queue, length in queries.queue_lengths().items():
        family.add_metric([queue], length)
    yield family


@sync_and_async_middleware
def measured(get_response):
    """Counts and times every page by the name of its route, never by its address."""
    if iscoroutinefunction(get_response):

        async def middleware(request):
            began = time.perf_counter()
            return _noted(request, await get_response(request), began)

    else:

        def middleware(request):
            began = time.perf_counter()
            return _noted(request, get_response(request), began)

    return middleware


def _noted(request, response, began: float):
    match = request.resolver_match
    route = (match.view_name or "other") if match else "none"
    if route != "metrics":
        requests.labels(route, request.method, response.status_code).inc()
        seconds.labels(route).observe(time.perf_counter() - began)
    return response


def counted(sockets):
    """An ASGI application for WebSockets, with each open one counted."""

    async def application(scope, receive, send):
        with open_sockets.track_inprogress():
            await sockets(scope, receive, send)

    return application
