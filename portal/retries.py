"""How long what was not taken waits: half a minute, then ever longer, at last six hours."""

from datetime import timedelta

LONGEST = timedelta(hours=6)


def pause_after(tries: int) -> timedelta:
    return min(timedelta(seconds=15 * 2 ** min(tries, 12)), LONGEST)
