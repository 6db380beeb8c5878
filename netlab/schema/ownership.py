"""managedFields and server-side apply: who set which field, and who may change it.

Ordinary writes are recorded too (operation Update), so that a later apply finds out whom it would
overrule. A field is taken from its old owners by whoever changes its value.
"""

import json
from dataclasses import dataclass

from netlab.store import clock, clone

from . import fieldset
from .fieldset import Path
from .kinds import Kind

_KUBECTL = "kubectl"  # its own name, with which it applies by the server's rules what it applied before
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


@dataclass(frozen=True)
class FieldConflict:
    """Another manager owns a field that this apply would change."""

    manager: str
    api_version: str
    operation: str
    path: str


class ApplyConflict(Exception):
    def __init__(self, conflicts: list[FieldConflict]):
        super().__init__(f"Apply failed with {len(conflicts)} conflicts")
        self.conflicts = conflicts


def apply(live: dict, config: dict, kind: Kind, manager: str, *, force: bool, subresource: str = "") -> dict:
    """The live object with the configuration of this manager laid over it.

    Fields the manager applied before, by the same path, and no longer sends are removed when nobody else
    owns them. Raises ApplyConflict, unless forced.
    """
    wanted = fieldset.fields_of(config, kind.root, subresource)
    entries = live["metadata"].get("managedFields", [])
    mine = _entry(entries, manager, "Apply", subresource)
    conflicts = _find_conflicts(live, config, wanted, [e for e in entries if e is not mine], kind)
    if manager == _KUBECTL and not subresource:
        conflicts = _without_own(conflicts, live, kind)
    if conflicts and not force:
        raise ApplyConflict(conflicts)
    others = _owned_by_others(entries, mine)
    # A map that was applied empty is a field of its own; filled, it is the place of others.
    places = {path[:length] for path in wanted | others for length in range(1, len(path))}
    dropped = (_fields(mine) if mine else set()) - wanted - others - places
    schema = kind.root
    merged = fieldset.merge(clone(live), config, schema)
    for path in sorted(dropped, key=_innermost_first):
        fieldset.remove_at(merged, path, schema)
    if manager == _KUBECTL and not subresource:
        _renew_last_applied(merged, config)
    kept = _take_away(entries, {conflict.path for conflict in conflicts}, except_for=mine)
    merged["metadata"]["managedFields"] = _replace_entry(kept, kind, manager, "Apply", wanted, subresource)
    return merged


def _innermost_first(path: Path) -> tuple[int, Path]:
    return -len(path), path


def record_apply_of_new(obj: dict, kind: Kind, manager: str) -> None:
    fields = fieldset.fields_of(obj, kind.root)
    obj["metadata"]["managedFields"] = _replace_entry([], kind, manager, "Apply", fields)


def record_update(new: dict, old: dict | None, kind: Kind, manager: str) -> None:
    """Note in `new` which fields this write set; a write that changes nothing notes nothing."""
    after = fieldset.fields_of(new, kind.root)
    before = fieldset.fields_of(old, kind.root) if old else set()
    value = fieldset.value_at
    changed = {
        path
        for path in after
        if path not in before or value(new, path, kind.root) != value(old, path, kind.root)
    }
    entries = _sent_entries(new, (old or {}).get("metadata", {}).get("managedFields", []))
    if not changed and after >= before:
        _set_entries(new, entries)
        return
    mine = _entry(entries, manager, "Update")
    own = ((_fields(mine) if mine else set()) | changed) & after
    moved = changed | (before - after)
    kept = _take_away(entries, {_readable(path) for path in moved}, except_for=mine)
    _set_entries(new, _replace_entry(kept, kind, manager, "Update", own))


def _sent_entries(new: dict, present: list[dict]) -> list[dict]:
    """What a write says of managedFields counts: fields can be handed over, an empty entry empties all."""
    sent = new["metadata"].get("managedFields")
    if sent == [{}]:
        return []
    try:
        return sent if sent and all(_writer(entry) and _fields(entry) for entry in sent) else present
    except (AttributeError, KeyError, TypeError):  # not what a server would have written
        return present


def _set_entries(obj: dict, entries: list[dict]) -> None:
    obj["metadata"].pop("managedFields", None)
    if entries:
        obj["metadata"]["managedFields"] = entries


def _find_conflicts(
    live: dict, config: dict, wanted: set[Path], entries: list[dict], kind: Kind
) -> list[FieldConflict]:
    found = []
    for entry in entries:
        for path in sorted(_fields(entry) & wanted):
            ours = fieldset.value_at(config, path, kind.root)
            if path[-1] != "." and ours != fieldset.value_at(live, path, kind.root):
                conflict = (entry["manager"], entry["apiVersion"], entry["operation"], _readable(path))
                found.append(FieldConflict(*conflict))
    return found


def _renew_last_applied(merged: dict, config: dict) -> None:
    """kubectl's memory of what it applied on its own side, where there is one, is kept up to date."""
    annotations = merged["metadata"].get("annotations", {})
    if _LAST_APPLIED in annotations:
        said = clone(config)
        said["metadata"].get("annotations", {}).pop(_LAST_APPLIED, None)
        annotations[_LAST_APPLIED] = json.dumps(said, separators=(",", ":")) + "\n"


def _without_own(conflicts: list[FieldConflict], live: dict, kind: Kind) -> list[FieldConflict]:
    """Without those about what kubectl itself said when it applied on the client's side, and still stands."""
    try:
        said = json.loads(live["metadata"]["annotations"][_LAST_APPLIED])
        own = {
            _readable(path)
            for path in fieldset.fields_of(said, kind.root)
            if fieldset.value_at(said, path, kind.root) == fieldset.value_at(live, path, kind.root)
        }
    except (AttributeError, KeyError, TypeError, ValueError):  # nobody vouches for what an annotation holds
        return conflicts
    return [conflict for conflict in conflicts if conflict.path not in own]


def _readable(path: Path) -> str:
    """.spec.template.spec.containers[name="web"].image"""
    text = ""
    for element in path:
        if element.startswith("f:"):
            text += f".{element[2:]}"
        elif element.startswith("k:"):
            text += "[" + element[3:-1].replace('":', "=").replace('"', "", 1).replace(',"', ",") + "]"
        elif element.startswith("v:"):
            text += f"[={element[2:]}]"
    return text


def _entry(entries: list[dict], manager: str, operation: str, subresource: str = "") -> dict | None:
    wanted = (manager, operation, subresource)
    return next((entry for entry in entries if _writer(entry) == wanted), None)


def _writer(entry: dict) -> tuple[str, str, str]:
    return entry["manager"], entry["operation"], entry.get("subresource", "")


def _fields(entry: dict) -> set[Path]:
    return fieldset.from_fields_v1(entry.get("fieldsV1", {}))


def _owned_by_others(entries: list[dict], mine: dict | None) -> set[Path]:
    return {path for entry in entries if entry is not mine for path in _fields(entry)}


def _take_away(entries: list[dict], moved: set[str], *, except_for: dict | None) -> list[dict]:
    if not moved:
        return entries
    kept = []
    for entry in entries:
        fields = _fields(entry)
        left = (
            fields
            if entry is except_for
            else {p for p in fields if p[-1] == "." or _readable(p) not in moved}
        )
        if left:
            kept.append({**entry, "fieldsV1": fieldset.to_fields_v1(left)})
    return kept


def _replace_entry(
    entries: list[dict], kind: Kind, manager: str, operation: str, fields: set[Path], subresource: str = ""
) -> list[dict]:
    before = _entry(entries, manager, operation, subresource)
    others = [entry for entry in entries if entry is not before]
    tree = fieldset.to_fields_v1(fields)
    if not tree:
        return others
    unchanged = before is not None and before["fieldsV1"] == tree
    stamp = before["time"] if unchanged else clock.now()
    entry = {
        "manager": manager,
        "operation": operation,
        "apiVersion": kind.api_version,
        "time": stamp,
        "fieldsType": "FieldsV1",
        "fieldsV1": tree,
    }
    if subresource:
        entry["subresource"] = subresource
    return [*others, entry]
