"""Strategic merge patch: lists merge by the key their schema names, with `$patch` directives.

`kubectl apply`, `edit`, `set image`, `cordon` and others send it for the built-in kinds.
"""

from netlab.store import clone

from .definitions import resolve, type_of
from .patches import BadPatch, Misfit

_ORDER = "$setElementOrder/"
_DROP = "$deleteFromPrimitiveList/"


def strategic_merge(target: dict, patch: dict, schema: dict) -> dict:
    """The patched copy. Raises BadPatch, Misfit."""
    if not isinstance(patch, dict):
        raise BadPatch("a strategic merge patch is an object")
    try:
        return _merge_maps(target, patch, schema)
    except (
        AttributeError,
        KeyError,
        TypeError,
    ) as error:  # a directive that is not of the shape it must have
        raise BadPatch(f"the patch does not fit the object: {error}") from error


def _merge_maps(target: dict, patch: dict, schema: dict) -> dict:
    directive = patch.get("$patch")
    if directive == "delete":
        return {}
    result = {} if directive == "replace" else dict(target)
    _retain_keys(result, patch)
    for key, value in patch.items():
        if key.startswith(_DROP):
            _drop_primitives(result, key.removeprefix(_DROP), value)
        elif not key.startswith("$"):
            _merge_field(result, key, value, _property(schema, key))
    for key, order in patch.items():
        if key.startswith(_ORDER):
            name = key.removeprefix(_ORDER)
            _reorder(result, name, order, _merge_key(_property(schema, name)))
    return result


def _merge_field(result: dict, key: str, value, schema: dict) -> None:
    if value is None:
        result.pop(key, None)
    elif isinstance(value, dict):
        present = result.get(key)
        result[key] = _merge_maps(present if isinstance(present, dict) else {}, value, schema)
    elif isinstance(value, list) and _merges(schema):
        result[key] = _merge_lists(result.get(key) or [], value, schema)
    else:
        _check_open(value, schema)
        result[key] = _without_directives(value)


def _check_open(value, schema: dict) -> None:
    """Where the schema has a map or a list, no single value may come. Raises Misfit."""
    body = resolve(schema)[1]
    wanted = {"object": "struct" if "properties" in body else "map", "array": "slice"}.get(
        type_of(body) or ""
    )
    if wanted and not isinstance(value, dict | list):
        sent = {str: "string", bool: "bool", int: "int64", float: "float64"}[type(value)]
        raise Misfit(f"cannot restore {wanted} from {sent}")


def _merge_lists(target: list, patch: list, schema: dict) -> list:
    if any(isinstance(item, dict) and item.get("$patch") == "replace" for item in patch):
        return [_without_directives(item) for item in patch if "$patch" not in item]
    key = _merge_key(schema)
    if key is None:
        return target + [item for item in patch if item not in target]
    merged = list(target)
    for item in patch:
        _merge_item(merged, item, key, schema["items"])
    return merged


def _merge_item(merged: list, item: dict, key: str, schema: dict) -> None:
    if not isinstance(item, dict) or key not in item:
        raise BadPatch(f"map: {item} does not contain declared merge key: {key}")
    at = next((i for i, present in enumerate(merged) if present.get(key) == item[key]), None)
    if item.get("$patch") == "delete":
        if at is not None:
            del merged[at]
    elif at is None:
        merged.append(_merge_maps({}, item, schema))
    else:
        merged[at] = _merge_maps(merged[at], item, schema)


def _retain_keys(result: dict, patch: dict) -> None:
    if "$retainKeys" in patch:
        for key in set(result) - set(patch["$retainKeys"]):
            del result[key]


def _drop_primitives(result: dict, key: str, values: list) -> None:
    if key in result:
        result[key] = [item for item in result[key] if item not in values]


def _reorder(result: dict, name: str, order: list, key: str | None) -> None:
    """Put the named items in the given order; the ones the patch does not know follow."""
    wanted = [item.get(key) if isinstance(item, dict) else item for item in order]

    def rank(item) -> int:
        value = item.get(key) if isinstance(item, dict) else item
        return wanted.index(value) if value in wanted else len(wanted)

    if isinstance(result.get(name), list):
        result[name] = sorted(result[name], key=rank)


def _property(schema: dict, key: str) -> dict:
    _, body = resolve(schema)
    return body.get("properties", {}).get(key) or body.get("additionalProperties") or {}


def _merges(schema: dict) -> bool:
    return "merge" in schema.get("x-kubernetes-patch-strategy", "")


def _merge_key(schema: dict) -> str | None:
    return schema.get("x-kubernetes-patch-merge-key")


def _without_directives(value):
    if isinstance(value, dict):
        return {
            k: _without_directives(v) for k, v in value.items() if not k.startswith("$") and v is not None
        }
    if isinstance(value, list):
        return [_without_directives(item) for item in value]
    return clone(value)
