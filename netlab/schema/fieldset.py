"""Which fields an object holds, as sets of paths: the arithmetic under server-side apply.

A path is a tuple in the notation of `managedFields`: `f:spec`, `k:{"name":"web"}` for an item of a keyed
list, `v:"x"` for a value of a set, `.` for the item itself. Atomic lists and maps are one field.
"""

import json

from .definitions import resolve, type_of

Path = tuple[str, ...]
# What identifies an object or is the system's own belongs to no manager.
_NOT_OWNED = {
    "name", "namespace", "generateName", "uid", "resourceVersion", "creationTimestamp", "generation",
    "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink",
}  # fmt: skip
_KEY_DEFAULTS = {"protocol": "TCP"}


def fields_of(obj: dict, schema: dict, subresource: str = "") -> set[Path]:
    """The fields a write of this path may own: of `status` that part alone, else all but that part."""
    if subresource == "status":
        return set(_walk({"status": obj.get("status", {})}, schema, ()))
    body = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "status")}
    body["metadata"] = {k: v for k, v in obj.get("metadata", {}).items() if k not in _NOT_OWNED}
    if not body["metadata"]:
        del body["metadata"]
    return set(_walk(body, schema, ()))


def _walk(value, schema: dict, path: Path):
    _, body = resolve(schema)
    atomic_map = "atomic" in (schema.get("x-kubernetes-map-type"), body.get("x-kubernetes-map-type"))
    if isinstance(value, dict) and value and not atomic_map and _is_open(body):
        for key, item in value.items():
            yield from _walk(item, child_schema(body, key), (*path, f"f:{key}"))
    elif isinstance(value, list) and list_type(schema) == "map":
        for item in value:
            key = item_key(item, schema)
            yield (*path, key, ".")
            yield from _walk(item, schema["items"], (*path, key))
    elif isinstance(value, list) and list_type(schema) == "set":
        for item in value:
            yield (*path, f"v:{_compact(item)}")
    else:
        yield path


def _is_open(body: dict) -> bool:
    return type_of(body) == "object" and ("properties" in body or "additionalProperties" in body)


def child_schema(body: dict, key: str) -> dict:
    return body.get("properties", {}).get(key) or body.get("additionalProperties") or {}


def list_type(schema: dict) -> str:
    return schema.get("x-kubernetes-list-type", "atomic")


def item_key(item: dict, schema: dict) -> str:
    keys = schema["x-kubernetes-list-map-keys"]
    return "k:" + _compact({key: item.get(key, _KEY_DEFAULTS.get(key)) for key in sorted(keys)})


def _compact(value) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def to_fields_v1(paths: set[Path]) -> dict:
    tree: dict = {}
    for path in sorted(paths):
        node = tree
        for element in path:
            node = node.setdefault(element, {})
    return tree


def from_fields_v1(tree: dict, path: Path = ()) -> set[Path]:
    if not tree:
        return {path} if path else set()
    return {found for element, child in tree.items() for found in from_fields_v1(child, (*path, element))}


def value_at(obj, path: Path, schema: dict):
    """The value a path names, or None."""
    for element in path:
        _, body = resolve(schema)
        if element == ".":
            return obj
        if element.startswith("v:"):
            return obj if obj is None else (json.loads(element[2:]) in obj or None)
        if element.startswith("k:"):
            obj = next((item for item in obj or [] if item_key(item, schema) == element), None)
            schema = schema["items"]
        else:
            obj = obj.get(element[2:]) if isinstance(obj, dict) else None
            schema = child_schema(body, element[2:])
    return obj


def remove_at(obj, path: Path, schema: dict) -> None:
    """Take one field out of `obj` in place; items of keyed lists go when their `.` is removed."""
    *way, last = path
    element = way[0] if way else last
    _, body = resolve(schema)
    if element.startswith("k:"):
        _remove_item(obj, path, schema)
    elif element.startswith("v:"):
        value = json.loads(element[2:])
        obj[:] = [item for item in obj if item != value]
    elif len(path) == 1:
        obj.pop(element[2:], None)
    elif element[2:] in obj:
        child = obj[element[2:]]
        remove_at(child, path[1:], child_schema(body, element[2:]))
        if child in ({}, []):
            del obj[element[2:]]


def _remove_item(items: list, path: Path, schema: dict) -> None:
    at = next((i for i, item in enumerate(items) if item_key(item, schema) == path[0]), None)
    if at is None:
        return
    if path[1:] == (".",):
        del items[at]
    else:
        remove_at(items[at], path[1:], schema["items"])


def merge(live, applied, schema: dict):
    """The live value with everything in `applied` laid over it; returns a new value."""
    _, body = resolve(schema)
    atomic_map = "atomic" in (schema.get("x-kubernetes-map-type"), body.get("x-kubernetes-map-type"))
    if isinstance(applied, dict) and isinstance(live, dict) and not atomic_map and _is_open(body):
        laid = {key: merge(live.get(key), item, child_schema(body, key)) for key, item in applied.items()}
        return {**live, **laid}
    if isinstance(applied, list) and isinstance(live, list) and list_type(schema) == "map":
        return _merge_keyed(live, applied, schema)
    if isinstance(applied, list) and isinstance(live, list) and list_type(schema) == "set":
        return live + [item for item in applied if item not in live]
    return applied


def _merge_keyed(live: list, applied: list, schema: dict) -> list:
    by_key = {item_key(item, schema): item for item in live}
    for item in applied:
        key = item_key(item, schema)
        by_key[key] = merge(by_key.get(key), item, schema["items"])
    return list(by_key.values())
