"""The entries of a run's stream, as they lie in Redis and as values."""

from dataclasses import dataclass

from k8s_tasks.redis_keys import redis_client, run_output

Raw = tuple[str, dict[bytes, bytes]]


@dataclass(frozen=True)
class Entry:
    """`ms` counts from the start of the run. `source` is stdout or stderr (bytes as printed),
    event or end (JSON)."""

    id: str
    ms: int
    source: str
    data: bytes

    @property
    def is_end(self) -> bool:
        return self.source == "end"


def as_entry(raw: Raw) -> Entry:
    id, fields = raw
    return Entry(id, int(fields[b"ms"]), fields[b"src"].decode(), fields[b"data"])


def order_of(id: str) -> tuple[int, int]:
    """Stream ids compare as two numbers; "0" comes before all. Raises ValueError for any other text."""
    ms, _, number = id.partition("-")
    return int(ms), int(number or 0)


def read_entries(run_id) -> list[Entry]:
    """All that Redis holds of a run."""
    raws = redis_client().xrange(run_output(run_id))
    return [as_entry((id.decode(), fields)) for id, fields in raws]
