"""How labs get a cluster: for whoever has just started a portal that has none. Open to everybody, for they
have no account yet either; it tells nothing that the documentation does not."""

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import render
from django.views.decorators.http import require_safe

from k8s_tasks import queries
from portal.health import is_cluster


@login_not_required
@require_safe
def attach(request):
    health = queries.service_health()
    answers = any(part["ok"] for name, part in health.items() if is_cluster(name))
    return render(request, "attach.html", {"answers": answers})
