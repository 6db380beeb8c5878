"""The database for code that lives on an event loop."""

from collections.abc import Callable

from asgiref.sync import sync_to_async
from django.db import close_old_connections


async def in_database(act: Callable, *arguments):
    """Run blocking code in a thread, with a database connection that is not stale."""

    def fresh():
        close_old_connections()
        try:
            return act(*arguments)
        finally:
            close_old_connections()

    return await sync_to_async(fresh, thread_sensitive=False)()
