"""`manage.py watcher`: see `k8s_tasks.watching`."""

import asyncio
import signal

from django.core.management.base import BaseCommand

from k8s_tasks.watching import watch


class Command(BaseCommand):
    help = "Keep runs, sessions and clusters true: run exactly one of these beside the workers."

    def handle(self, *args, **options):
        try:
            asyncio.run(_until_asked())
        except KeyboardInterrupt:
            pass


async def _until_asked() -> None:
    watching = asyncio.create_task(watch(), name="watcher")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, watching.cancel)
    try:
        await watching
    except asyncio.CancelledError:
        pass
