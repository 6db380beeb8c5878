"""Schedules of CronJobs: five fields, or a name such as `@hourly`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_WORDS = (
    {},
    {},
    {},
    {name: n for n, name in enumerate(_MONTHS, 1)},
    {name: n for n, name in enumerate(_DAYS)},
)
_FURTHEST = 5 * 366  # days to look ahead: the 29th of February comes within them


class BadSchedule(ValueError):
    """No schedule; the message tells why."""


class Schedule:
    """Raises BadSchedule, or KeyError for a zone that is not known."""

    def __init__(self, text: str, zone: str | None = None):
        if text.startswith("@") and text not in _NAMED:
            raise BadSchedule(f"unrecognized descriptor: {text}")
        words = _NAMED.get(text, text).split()
        if len(words) != len(_BOUNDS):
            raise BadSchedule(f"expected exactly 5 fields, found {len(words)}: [{' '.join(words)}]")
        parts = [_field(*one) for one in zip(words, _BOUNDS, _WORDS, strict=True)]
        self._minutes, self._hours, self._days, self._months, self._weekdays = parts
        # A day has to be in both lists, but in any of the two where both say something.
        self._either = not any(word[0] in "*?" for word in (words[2], words[4]))
        self._zone = ZoneInfo(zone) if zone else UTC

    def next(self, after: datetime) -> datetime | None:
        """The first time after this one."""
        return next((time for time in self._from(after) if time > after), None)

    def last(self, after: datetime, until: datetime) -> datetime | None:
        """The latest time after one and not after the other."""
        found = None
        for time in self._from(after):
            if time > until:
                return found
            found = time if time > after else found
        return found

    def _from(self, start: datetime) -> Iterator[datetime]:
        first = start.astimezone(self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        for ahead in range(_FURTHEST):
            day = first + timedelta(days=ahead)
            if self._has_day(day):
                for hour in sorted(self._hours):
                    for minute in sorted(self._minutes):
                        yield day.replace(hour=hour, minute=minute).astimezone(UTC)

    def _has_day(self, day: datetime) -> bool:
        by_date, by_weekday = day.day in self._days, day.isoweekday() % 7 in self._weekdays
        chosen = (by_date or by_weekday) if self._either else (by_date and by_weekday)
        return day.month in self._months and chosen


def _field(text: str, bounds: tuple[int, int], words: dict[str, int]) -> set[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        low = bounds[0] if first in ("*", "?") else _number(first, words)
        high = bounds[1] if first in ("*", "?") or (step and not last) else _number(last or first, words)
        each = _number(step, {}) if "/" in part else 1
        if low < bounds[0] or high > bounds[1]:
            raise BadSchedule(f"{part} is not within {bounds[0]} and {bounds[1]}")
        if low > high or each == 0:
            raise BadSchedule(f"{part} holds nothing")
        found.update(range(low, high + 1, each))
    return found


def _number(text: str, words: dict[str, int]) -> int:
    if text.lower() in words:
        return words[text.lower()]
    if not text.isascii() or not text.isdigit():
        raise BadSchedule(f"failed to parse int from {text}")
    return int(text)
