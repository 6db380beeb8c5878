"""`manage.py preflight`: measure what a cluster can do, now, and keep it."""

import asyncio
import json
import time

from django.core.management.base import BaseCommand, CommandError

from k8s_tasks.cluster.api import connect
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.domain.capabilities import ASKED_LASTS, claim_preflight, keep_capabilities
from k8s_tasks.domain.clusters import mark_healthy, portal_id
from k8s_tasks.models import Cluster
from k8s_tasks.preflight.measuring import measure


class Command(BaseCommand):
    help = "Measure what a registered cluster can do, print it and keep it; needs no running portal."

    def add_arguments(self, parser):
        parser.add_argument("--cluster", help="its name; without it, the one where new sessions start")
        parser.add_argument(
            "--json", action="store_true", help="print JSON: {capability: {state, reason, at}}"
        )

    def handle(self, *args, cluster, **options):
        chosen = Cluster.objects.filter(**({"name": cluster} if cluster else {"is_default": True})).first()
        if chosen is None:
            raise CommandError(
                f"there is no cluster {cluster or 'registered'}; see manage.py register_cluster"
            )
        _await_others(chosen)
        try:
            version, uid, found = asyncio.run(_measure(chosen.kubeconfig_path))
        except ClusterError as error:
            raise CommandError(f"cluster {chosen.name}: {error}") from None
        mark_healthy(chosen, version=version, uid=uid)
        keep_capabilities(chosen, uid, found)
        self.stdout.write(json.dumps(found, indent=1) if options["json"] else _table(chosen, found))


def _await_others(cluster: Cluster) -> None:
    """A running portal may be measuring it right now; its claim ends by itself at the latest."""
    until = time.monotonic() + ASKED_LASTS
    while not claim_preflight(cluster) and time.monotonic() < until:
        time.sleep(0.5)


async def _measure(kubeconfig: str) -> tuple[str, str, dict[str, dict]]:
    api = await connect(kubeconfig)
    try:
        return await api.version(), await api.uid(), await measure(api, portal_id())
    finally:
        await api.close()


def _table(cluster: Cluster, found: dict[str, dict]) -> str:
    lines = [f"cluster {cluster.name}, Kubernetes {cluster.version}"]
    lines += [f"  {name:<14}{told['state']:<9}{told['reason']['en']}" for name, told in sorted(found.items())]
    return "\n".join(lines)
