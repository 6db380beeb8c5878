"""A sign of life of this process for its own machine, where a supervisor may ask for it.

The beat in Redis says that *somebody* serves a queue. A probe must know about its own process, and must not
have a worker started again because Redis is away: hence a file, in the state folder that each pod has alone.
"""

import logging
from pathlib import Path

from django.conf import settings

logger = logging.getLogger(__name__)


def beat_file() -> Path:
    return settings.STATE_DIR / "beat"


def sign_of_life() -> None:
    """Called by the loop that does the process's work. A full disk is no reason to die."""
    try:
        beat_file().touch()
    except OSError as error:
        logger.warning("no sign of life could be left: %s", error)
