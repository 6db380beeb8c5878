"""What the watcher does for the layers above it, which it does not know: they put their chores here."""

from collections.abc import Callable

EVERY_SECONDS = 10
# Each looks whether there is work, and asks a worker for what takes time.
CHORES: list[Callable[[], None]] = []
