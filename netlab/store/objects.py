"""Small questions about Kubernetes objects held as plain dicts."""

import secrets
import uuid
from sys import intern

# The letters Kubernetes uses for generated names: no vowels, so no words.
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def clone(value):
    """A deep copy of JSON-like data; several times faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {intern(key): clone(item) for key, item in value.items()}  # each name once in memory
    if isinstance(value, list):
        return [clone(item) for item in value]
    return value


def sharing(new, old):
    """`new`, where each part that equals its counterpart in `old` is that very part: history costs little."""
    if isinstance(new, dict) and isinstance(old, dict):
        result = {key: sharing(item, old[key]) if key in old else item for key, item in new.items()}
        same = len(result) == len(old) and all(old.get(key, old) is item for key, item in result.items())
        return old if same else result
    if isinstance(new, list) and isinstance(old, list) and len(new) == len(old):
        items = [sharing(one, other) for one, other in zip(new, old, strict=True)]
        return old if all(one is other for one, other in zip(items, old, strict=True)) else items
    return old if type(new) is type(old) and new == old else new


def key_of(obj: dict) -> tuple[str, str]:
    meta = obj["metadata"]
    return meta.get("namespace") or "", meta["name"]


def full_name(obj: dict) -> str:
    """`namespace/name`, or the name alone of what is in no namespace."""
    return "/".join(filter(None, key_of(obj)))


def random_suffix(length: int = 5) -> str:
    return "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(length))


def new_uid() -> str:
    return str(uuid.uuid4())


def has_labels(obj: dict, wanted: dict | None) -> bool:
    labels = obj["metadata"].get("labels") or {}
    return all(labels.get(key) == value for key, value in (wanted or {}).items())


def controller_of(obj: dict) -> dict | None:
    owners = obj["metadata"].get("ownerReferences") or []
    return next((owner for owner in owners if owner.get("controller")), None)


def is_controlled_by(obj: dict, owner: dict) -> bool:
    controller = controller_of(obj)
    return controller is not None and controller["uid"] == owner["metadata"]["uid"]


def owner_reference(owner: dict) -> dict:
    """The reference a controller leaves on what it makes, so that deletion cascades."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_deleting(obj: dict) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def condition(obj: dict, kind: str) -> dict:
    """Of its status; empty where there is none of this type."""
    conditions = obj.get("status", {}).get("conditions") or []
    return next((one for one in conditions if one.get("type") == kind), {})


def containers_of(spec: dict) -> list[dict]:
    """The containers of a pod's spec and those that come before them, but none that debug it."""
    return [*(spec.get("containers") or []), *(spec.get("initContainers") or [])]


def has_ended(pod: dict) -> bool:
    return pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def selector_of(owner: dict) -> dict | None:
    """A controller's LabelSelector: a ReplicationController's is a plain map of labels."""
    selector = owner["spec"].get("selector")
    return {"matchLabels": selector} if owner["kind"] == "ReplicationController" and selector else selector
