"""`/healthz` for supervisors, `/readyz` and `/livez` for Kubernetes, and what ill health means for a lab.

`k8s_tasks.queries.service_health` tells of the portal's own services and, as `cluster:<name>`, of
the clusters (one part named `cluster` says that there is none). A portal without a cluster is a
portal still: theory, results and replays are served.
"""

import logging

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from k8s_tasks import queries

CLUSTER = "cluster"

logger = logging.getLogger(__name__)


@login_not_required
@require_safe
@never_cache
def healthz(request):
    """200 when every service answers, 503 naming those that do not. It is open to everybody, so the
    details (addresses, error messages) stay out."""
    health = queries.service_health()
    missing = missing_services(health)
    if missing:
        logger.info("not ready: %s", ", ".join(missing))
    parts = {name: part["ok"] for name, part in health.items()}
    status = 503 if missing else 200
    return JsonResponse({"ok": not missing, "missing": missing, "parts": parts}, status=status)


@login_not_required
@require_safe
@never_cache
def readyz(request):
    """200 when this process can serve pages, 503 with a sentence for each thing in the way. Workers and
    clusters do not count: without them theory, results and replays are served all the same."""
    wrong = queries.why_not_ready()
    if wrong:
        logger.info("not ready: %s", ", ".join(wrong))
    return JsonResponse({"ready": not wrong, "wrong": wrong}, status=503 if wrong else 200)


@login_not_required
@require_safe
@never_cache
def livez(request):
    """200 while this process answers at all: a database that is away is no reason to start it again."""
    return JsonResponse({"alive": True})


def missing_services(health: dict) -> list[str]:
    return [name for name, part in health.items() if not part["ok"] and not is_cluster(name)]


def is_cluster(name: str) -> bool:
    return name.partition(":")[0] == CLUSTER


def why_labs_cannot_start(health: dict) -> str | None:
    """The sentence for the lab page, or None when a lab can start."""
    if missing := missing_services(health):
        services = ", ".join(missing)
        return _("Labs cannot start right now: %(services)s does not answer.") % {"services": services}
    clusters = [part for name, part in health.items() if is_cluster(name)]
    if any(part["ok"] for part in clusters):
        return None
    details = " ".join(part["detail"] for part in clusters)
    return _("Labs cannot start right now, for want of a cluster: %(details)s") % {"details": details}
