from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class K8sTasksConfig(AppConfig):
    name = "k8s_tasks"
    verbose_name = _("Clusters")
