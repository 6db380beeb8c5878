from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = _("Portal")

    def ready(self):
        from k8s_tasks.chores import CHORES
        from portal import keyboard, outbox

        outbox.listen()
        CHORES.append(outbox.ask_for_what_is_due)
        CHORES.append(keyboard.end_what_ran_out)
