"""JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386)."""

from netlab.store import clone


class BadPatch(Exception):
    """The patch cannot be read or does not fit the object."""


class Misfit(BadPatch):
    """A value of another type than the field has."""


def merge_patch(target, patch):
    """RFC 7386: null deletes, objects merge, everything else replaces. Returns a new value."""
    if not isinstance(patch, dict):
        return clone(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def json_patch(target: dict, operations) -> dict:
    """Apply the operations in order to a copy. Raises BadPatch; the target is never half patched."""
    if not isinstance(operations, list) or not all(isinstance(step, dict) for step in operations):
        raise BadPatch("a JSON patch is a list of operations")
    result = clone(target)
    for step in operations:
        try:
            result = _OPERATIONS[step["op"]](result, step)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            where = step.get("path", "")
            raise BadPatch(
                f'{step.get("op")} operation does not apply: doc is missing path: "{where}"'
            ) from error
    return result


def _add(doc, step: dict):
    return _put(doc, step["path"], clone(step["value"]), insert=True)


def _replace(doc, step: dict):
    _get(doc, step["path"])
    return _put(doc, step["path"], clone(step["value"]), insert=False)


def _remove(doc, step: dict):
    parent, last = _parent(doc, step["path"])
    del parent[_index(parent, last)]
    return doc


def _move(doc, step: dict):
    value = _get(doc, step["from"])
    doc = _remove(doc, {"path": step["from"]})
    return _put(doc, step["path"], value, insert=True)


def _copy(doc, step: dict):
    return _put(doc, step["path"], clone(_get(doc, step["from"])), insert=True)


def _test(doc, step: dict):
    if _get(doc, step["path"]) != step["value"]:
        raise BadPatch(f"testing path {step['path']} value failed: test failed")
    return doc


_OPERATIONS = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}


def _segments(pointer: str) -> list[str]:
    if pointer and not pointer.startswith("/"):
        raise ValueError(pointer)
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def _get(doc, pointer: str):
    for part in _segments(pointer):
        doc = doc[_index(doc, part)]
    return doc


def _parent(doc, pointer: str):
    *path, last = _segments(pointer)
    for part in path:
        doc = doc[_index(doc, part)]
    return doc, last


def _index(container, part: str):
    if not isinstance(container, list):
        return part
    index = int(part)
    if not 0 <= index < len(container):
        raise IndexError(part)
    return index


def _put(doc, pointer: str, value, *, insert: bool):
    if not pointer:
        return value
    parent, last = _parent(doc, pointer)
    if not isinstance(parent, list):
        parent[last] = value
    elif last == "-":
        parent.append(value)
    elif insert:
        index = int(last)
        if not 0 <= index <= len(parent):
            raise IndexError(last)
        parent.insert(index, value)
    else:
        parent[_index(parent, last)] = value
    return doc
