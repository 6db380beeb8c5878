"""Events: what `kubectl describe` and `kubectl events` tell about an object.

The same event about the same object is counted up, not written again, as client-go's recorder does.
"""

from . import clock
from .errors import NotFound
from .objects import new_uid
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
    known = _find_same(store, subject, reason, message, component)
    if known:
        return store.mutate("events", *_key(known), _count_up)
    namespace = subject.get("namespace") or "default"
    try:
        store.get("namespaces", None, namespace)
    except NotFound:
        return None
    return store.create("events", _new_event(namespace, subject, reason, message, type, component, host))


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


def _find_same(store: Store, subject: dict, reason: str, message: str, component: str) -> dict | None:
    wanted = (subject.get("uid"), subject.get("fieldPath"), reason, message, component)
    for event in store.list("events", subject.get("namespace") or "default"):
        about = event["involvedObject"]
        if (
            about.get("uid"),
            about.get("fieldPath"),
            event["reason"],
            event["message"],
            event["source"].get("component"),
        ) == wanted:
            return event
    return None


def _key(event: dict) -> tuple[str, str]:
    return event["metadata"]["namespace"], event["metadata"]["name"]


def _count_up(event: dict) -> None:
    event["count"] = event.get("count", 1) + 1
    event["lastTimestamp"] = clock.now()


def _new_event(
    namespace: str, subject: dict, reason: str, message: str, type: str, component: str, host: str
) -> dict:
    stamp = clock.now()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"namespace": namespace, "name": f"{subject['name']}.{new_uid().replace('-', '')[:16]}"},
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
