"""The administrator's start page: what runs, what waits, and who works."""

from django import template
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from curriculum.course import get_course
from k8s_tasks import queries
from k8s_tasks.domain.capabilities import live_sessions
from k8s_tasks.models import Cluster
from k8s_tasks.workers import workers
from portal.course_panel import counts_of

register = template.Library()


@register.inclusion_tag("admin/operations.html")
def operations() -> dict:
    """`queues` and `workers` are None where they cannot be asked."""
    health = queries.service_health()
    clusters = [(each, live_sessions(each)) for each in Cluster.objects.filter(slot=None).order_by("name")]
    services = {name: part for name, part in health.items() if not name.startswith("cluster")}
    return {
        "services": services,
        "clusters": clusters,
        "course": counts_of(get_course()),
        "waiting": sum(
            count for _cluster, state, count in queries.live_sessions_by_cluster() if state == "queued"
        ),
        **_queues_and_workers(),
    }


def _queues_and_workers() -> dict:
    try:
        return {"queues": queries.queue_lengths(), "workers": workers()}
    except (RedisError, OperationalError, OSError):
        return {"queues": None, "workers": None}
