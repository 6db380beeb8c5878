"""The same Events in the words of events.k8s.io/v1."""

_TO_NEW = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_TO_CORE = {new: old for old, new in _TO_NEW.items()}
_SHARED = ("metadata", "reason", "type", "action", "related", "series", "reportingInstance", "eventTime")


def from_core(event: dict) -> dict:
    """Clients require a non-null eventTime here, which the older form may lack."""
    result: dict = {"apiVersion": "events.k8s.io/v1", "kind": "Event"}
    result.update({key: event[key] for key in _SHARED if event.get(key) is not None})
    result.update({new: event[old] for old, new in _TO_NEW.items() if event.get(old) is not None})
    stamp = event.get("firstTimestamp") or event["metadata"].get("creationTimestamp", "")
    result.setdefault("eventTime", stamp.replace("Z", ".000000Z") if "." not in stamp else stamp)
    return result


def to_core(event: dict) -> dict:
    result: dict = {"apiVersion": "v1", "kind": "Event"}
    result.update({key: event[key] for key in _SHARED if key in event})
    result.update({old: event[new] for new, old in _TO_CORE.items() if new in event})
    result.setdefault("involvedObject", {})
    return result
