"""Kinds served in another form than the one they are stored in.

A request's object is turned into the stored form as soon as it is decoded, and into the request's form again
where it leaves: whatever lies between knows one form only.
"""

from . import eventsv1, scalersv1
from .kinds import Kind, kind_named

_STORED_AS = {
    ("events.k8s.io/v1", "Event"): ("v1", eventsv1.to_core, eventsv1.from_core),
    ("autoscaling/v1", "HorizontalPodAutoscaler"): ("autoscaling/v2", scalersv1.to_v2, scalersv1.from_v2),
}


def stored_kind(kind: Kind) -> Kind:
    """The kind whose form is stored. Each version of a custom one is judged by its own schema: it stays."""
    known = None if kind.custom else _STORED_AS.get((kind.api_version, kind.name))
    return kind_named(known[0], kind.name) if known else kind


def to_stored(kind: Kind, obj: dict) -> dict:
    if kind.custom:
        return {**obj, "apiVersion": f"{kind.group}/{kind.custom.storage_version}"}
    known = _STORED_AS.get((kind.api_version, kind.name))
    return known[1](obj) if known else obj


def from_stored(kind: Kind, obj: dict) -> dict:
    """A stored object as this kind shows it; the stored one stays as it is."""
    if kind.custom:
        return {**obj, "apiVersion": kind.api_version}
    known = _STORED_AS.get((kind.api_version, kind.name))
    return known[2](obj) if known else obj
