"""`/healthz`, for supervisors and load balancers."""

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from k8s_tasks import queries


@login_not_required
@require_safe
@never_cache
def healthz(request):
    """200 when all that is needed answers, 503 naming what does not. It is open to everybody, so the
    details (addresses, error messages) stay out."""
    parts = {name: part["ok"] for name, part in queries.service_health().items()}
    missing = [name for name, is_ok in parts.items() if not is_ok]
    return JsonResponse(
        {"ok": not missing, "missing": missing, "parts": parts}, status=503 if missing else 200
    )
