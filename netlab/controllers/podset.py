"""What all controllers of pods share: owning pods, judging them, making them."""

import math
from collections.abc import Callable, Iterable

from netlab.api import admission, selectors
from netlab.api.status import ApiError
from netlab.store import (
    Event,
    Store,
    StoreError,
    clock,
    clone,
    condition,
    controller_of,
    events,
    has_ended,
    is_controlled_by,
    is_deleting,
    key_of,
    owner_reference,
    selector_of,
)

from .manager import Key

RETRY_REFUSED = 5.0  # seconds until something that was refused is tried again


def owner_concerned(event: Event, resource: str, kind: str, *, made: str = "pods") -> Iterable[Key]:
    """The key of the owner that an event is about: of itself, or of one of the objects it has made."""
    owner = controller_of(event.object) if event.resource == made else None
    if event.resource == resource:
        yield key_of(event.object)
    elif owner and owner["kind"] == kind:
        yield event.object["metadata"]["namespace"], owner["name"]


def claim(store: Store, owner: dict) -> list[dict]:
    """The pods of `owner`: its own that still match, and orphans that match, adopted.

    Its own that match no more are let go: relabelling a pod takes it out of the set.
    """
    claimed = []
    for pod in store.list("pods", owner["metadata"]["namespace"]):
        fits = selectors.matches(selector_of(owner), pod["metadata"].get("labels", {}))
        if is_controlled_by(pod, owner):
            claimed += [pod] if fits else _release(store, pod, owner["metadata"]["uid"])
        elif fits and not controller_of(pod) and not is_deleting(pod) and not is_deleting(owner):
            claimed.append(_adopt(store, pod, owner))
    return claimed


def _adopt(store: Store, pod: dict, owner: dict) -> dict:
    changed = clone(pod)
    changed["metadata"].setdefault("ownerReferences", []).append(owner_reference(owner))
    return store.update("pods", changed)


def _release(store: Store, pod: dict, uid: str) -> list[dict]:
    changed = clone(pod)
    references = changed["metadata"]["ownerReferences"]
    changed["metadata"]["ownerReferences"] = [r for r in references if r["uid"] != uid]
    store.update("pods", changed)
    return []


def is_active(pod: dict) -> bool:
    return not is_deleting(pod) and not has_ended(pod)


def ready_since(pod: dict) -> str | None:
    """When the pod became ready; None while it is not."""
    ready = condition(pod, "Ready")
    since = ready.get("lastTransitionTime") or pod["metadata"]["creationTimestamp"]
    return since if ready.get("status") == "True" else None


def is_ready(pod: dict) -> bool:
    return ready_since(pod) is not None


def is_available(pod: dict, min_ready_seconds: int) -> bool:
    since = ready_since(pod)
    return since is not None and (not min_ready_seconds or clock.seconds_since(since) >= min_ready_seconds)


def seconds_until_available(pods: list[dict], min_ready_seconds: int) -> float | None:
    """When the next ready pod counts as available, if any is still waiting for that."""
    if not min_ready_seconds:
        return None
    ages = [clock.seconds_since(since) for pod in pods if (since := ready_since(pod))]
    waits = [min_ready_seconds - age for age in ages if age < min_ready_seconds]
    return max(min(waits), 0.05) if waits else None


def from_template(owner: dict, *, labels: dict | None = None) -> dict:
    """A pod of the owner's template, not yet stored."""
    template = clone(owner["spec"]["template"])
    meta = template.get("metadata", {})
    kept = {key: meta[key] for key in ("labels", "annotations", "finalizers") if key in meta}
    kept["labels"] = {**kept.get("labels", {}), **(labels or {})}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **kept,
            "generateName": f"{owner['metadata']['name']}-",
            "namespace": owner["metadata"]["namespace"],
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template["spec"],
    }


def create(store: Store, owner: dict, pod: dict, *, component: str, told: str = "") -> str | None:
    """Make the pod; the reason why not, if it was refused. Both are told in an Event on the owner."""
    try:
        made = admission.create(store, pod)
    except (ApiError, StoreError) as error:
        message = f"Error creating: {error}"
        events.record(store, owner, "FailedCreate", message, type="Warning", component=component)
        return str(error)
    told = told or f"Created pod: {made['metadata']['name']}"
    events.record(store, owner, "SuccessfulCreate", told, component=component)
    return None


def delete(store: Store, owner: dict, pod: dict, *, component: str, told: str = "") -> None:
    store.delete("pods", *key_of(pod))
    told = told or f"Deleted pod: {pod['metadata']['name']}"
    events.record(store, owner, "SuccessfulDelete", told, component=component)


def bound(value: int | str, whole: int) -> int:
    """How many pods may be missing: a number, or a share of the whole, which is one at least."""
    return max(1, share(value, whole, math.ceil)) if isinstance(value, str) else value


def share(value: int | str, whole: int, rounding: Callable[[float], int]) -> int:
    """A number of pods, or of `25%` that part of the whole."""
    return rounding(whole * int(value[:-1]) / 100) if isinstance(value, str) else value


def set_status(store: Store, resource: str, obj: dict, status: dict) -> dict:
    changed = clone(obj)
    changed["status"] = status
    changed["metadata"].pop("resourceVersion", None)
    return store.update(resource, changed)
