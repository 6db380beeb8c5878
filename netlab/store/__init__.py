"""The objects of the cluster in memory, with versions and watches, and small questions about objects."""

from .errors import AlreadyExists, Conflict, Expired, NotFound, StoreError
from .objects import (
    clone,
    condition,
    containers_of,
    controller_of,
    full_name,
    has_ended,
    is_controlled_by,
    is_deleting,
    key_of,
    owner_reference,
    selector_of,
)
from .store import Store
from .watch import Event, Watch

__all__ = [
    "AlreadyExists",
    "Conflict",
    "Event",
    "Expired",
    "NotFound",
    "Store",
    "StoreError",
    "Watch",
    "clone",
    "condition",
    "containers_of",
    "controller_of",
    "full_name",
    "has_ended",
    "is_controlled_by",
    "is_deleting",
    "key_of",
    "owner_reference",
    "selector_of",
]
