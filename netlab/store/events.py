"""Events: what `kubectl describe` and `kubectl events` tell about an object.

The same event about the same object is counted up, not written again, as client-go's recorder does: its
name is made from what it says, so that the one written before is found without searching.
"""

import hashlib

from . import clock
from .store import Store


def record(
    store: Store,
    involved: dict,
    reason: str,
    message: str,
    *,
    type: str = "Normal",
    component: str,
    host: str = "",
    field_path: str = "",
) -> dict | None:
    """Write a core/v1 Event about `involved`, or raise the count of the one already there.

    `field_path` points into the object, e.g. `spec.containers{web}`. Returns None when the namespace is
    gone: there is nobody left to tell.
    """
    subject = _reference(involved, field_path)
    namespace, name = subject.get("namespace") or "default", _name(subject, reason, message, component)
    if store.find("events", namespace, name):
        return store.mutate("events", namespace, name, _count_up)
    if not store.find("namespaces", None, namespace):
        return None
    event = _new_event(subject, reason, message, type, component, host)
    event["metadata"] = {"namespace": namespace, "name": name}
    return store.create("events", event)


def _reference(involved: dict, field_path: str) -> dict:
    meta = involved["metadata"]
    reference = {
        "kind": involved["kind"],
        "namespace": meta.get("namespace"),
        "name": meta["name"],
        "uid": meta.get("uid"),
        "apiVersion": involved["apiVersion"],
        "resourceVersion": meta.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {key: value for key, value in reference.items() if value}


def _name(subject: dict, *said: str) -> str:
    about = (subject.get("uid", ""), subject.get("fieldPath", ""), *said)
    return f"{subject['name']}.{hashlib.sha256(repr(about).encode()).hexdigest()[:16]}"


def _count_up(event: dict) -> None:
    event["count"] = event.get("count", 1) + 1
    event["lastTimestamp"] = clock.now()


def _new_event(subject: dict, reason: str, message: str, type: str, component: str, host: str) -> dict:
    stamp = clock.now()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "involvedObject": subject,
        "reason": reason,
        "message": message,
        "type": type,
        "source": {"component": component, **({"host": host} if host else {})},
        "firstTimestamp": stamp,
        "lastTimestamp": stamp,
        "count": 1,
        "eventTime": None,
        "reportingComponent": component,
        "reportingInstance": host,
    }
