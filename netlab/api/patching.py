"""PATCH in its four forms; each yields the whole document that shall be stored."""

from netlab.schema import ownership
from netlab.schema.causes import invalid
from netlab.schema.kinds import Kind
from netlab.schema.openapi import PATCH_TYPES
from netlab.schema.patches import BadPatch, Misfit, json_patch, merge_patch
from netlab.schema.strategic import strategic_merge

from . import bodies, status

JSON_PATCH, MERGE_PATCH, STRATEGIC, APPLY = PATCH_TYPES


async def read(http) -> tuple[str, object]:
    """The media type and the patch. Raises ApiError."""
    media = bodies.media_type(http)
    if media == APPLY:
        return media, await bodies.read_object(http)
    if media in PATCH_TYPES:
        return media, await bodies.read_patch(http)
    raise status.unsupported_media_type(media, list(PATCH_TYPES))


def require_manager(http) -> None:
    """Who applies must say who they are. Raises ApiError."""
    if not http.query.get("fieldManager"):
        raise status.bad_request('PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value')


def patched(media: str, patch, live: dict, kind: Kind) -> dict:
    """The live document with a JSON, merge or strategic patch applied. Raises ApiError."""
    try:
        if media == JSON_PATCH:
            return json_patch(live, patch)
        if not isinstance(patch, dict):
            raise BadPatch("the patch is not an object")
        if media == MERGE_PATCH:
            return merge_patch(live, patch)
        if kind.custom:  # no schema of theirs says by which key a list merges
            raise status.unsupported_media_type(media, [t for t in PATCH_TYPES if t != STRATEGIC])
        return strategic_merge(live, patch, kind.root)
    except Misfit as error:
        cause = invalid("patch", patch, str(error))
        raise status.ApiError(
            422, "Invalid", f' "" is invalid: {cause}', status.told_causes([cause])
        ) from error
    except BadPatch as error:
        message = f"the server rejected our request due to an error in our request: {error}"
        raise status.ApiError(422, "Invalid", message) from error


def applied(
    live: dict, config: dict, kind: Kind, manager: str, *, force: bool, subresource: str = ""
) -> dict:
    """Server-side apply onto an existing object. Raises ApiError (409) with the conflicts."""
    try:
        return ownership.apply(live, config, kind, manager, force=force, subresource=subresource)
    except ownership.ApplyConflict as error:
        raise _conflict(kind, live["metadata"]["name"], error) from error


def _conflict(kind: Kind, name: str, error: ownership.ApplyConflict) -> status.ApiError:
    found = error.conflicts
    message = f"Apply failed with {len(found)} conflict{'s' if len(found) > 1 else ''}: {_told(found)}"
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{c.manager}"{_using(c)}',
            "field": c.path,
        }
        for c in found
    ]
    details = {"name": name, "group": kind.group, "kind": kind.plural, "causes": causes}
    return status.ApiError(409, "Conflict", message, details)


def _using(conflict: ownership.FieldConflict) -> str:
    return f" using {conflict.api_version}" if conflict.operation == "Update" else ""


def _told(found: list[ownership.FieldConflict]) -> str:
    """One conflict in a line; several as a list of fields under each manager."""
    if len(found) == 1:
        return f'conflict with "{found[0].manager}"{_using(found[0])}: {found[0].path}'
    by_manager: dict[str, list[str]] = {}
    for one in found:
        by_manager.setdefault(f'conflicts with "{one.manager}"{_using(one)}', []).append(one.path)
    parts = ["\n- ".join([f"{manager}:", *paths]) for manager, paths in by_manager.items()]
    return "\n".join(parts)
