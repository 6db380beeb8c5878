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
