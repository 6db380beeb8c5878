"""`manage.py register_cluster`: keep the cluster of the CLUSTER option."""

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from k8s_tasks.domain.clusters import ClusterSetupError, register_cluster


class Command(BaseCommand):
    help = "Register the cluster named by CLUSTER (netlab, kind or a kubeconfig); new sessions start there."

    def handle(self, *args, **options):
        try:
            cluster = register_cluster(settings.OPTIONS["CLUSTER"])
        except ClusterSetupError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"cluster {cluster.name}: {cluster.kubeconfig_path}")
