"""Time as Kubernetes writes it: RFC 3339 in UTC, by the second or by the microsecond."""

from datetime import UTC, datetime, timedelta


def now(*, offset: float = 0) -> str:
    return (_utc() + timedelta(seconds=offset)).strftime("%Y-%m-%dT%H:%M:%SZ")


def now_micro() -> str:
    return _utc().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse(stamp: str) -> datetime:
    return datetime.fromisoformat(stamp)


def seconds_since(stamp: str) -> float:
    return (_utc() - parse(stamp)).total_seconds()


def _utc() -> datetime:
    return datetime.now(UTC)


def age(stamp: str) -> str:
    """How long ago, as kubectl writes it: 42s, 3m10s, 5h2m, 2d4h, 90d."""
    return span(seconds_since(stamp))


def between(start: str, end: str) -> str:
    """How long it took, written like an age."""
    return span((parse(end) - parse(start)).total_seconds())


def span(length: float) -> str:
    seconds = max(0, int(length))
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m" + (f"{seconds % 60}s" if seconds % 60 else "")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h" + (f"{minutes % 60}m" if minutes % 60 else "")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return f"{days}d" + (f"{hours % 24}h" if hours % 24 else "")
    return f"{days}d"
