"""What makes a CustomResourceDefinition invalid: its names, its versions, a schema that is not structural."""

import re
from collections.abc import Iterator

from .causes import Cause, forbidden, immutable, invalid, required
from .customs import check_rule, wrong_default

_GROUP = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+"
_FREE = ("x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields")


def check_definition(crd: dict) -> list[Cause]:
    spec = crd.get("spec", {})
    names, versions = spec.get("names", {}), spec.get("versions", [])
    found = [required(f"spec.names.{key}") for key in ("kind", "plural") if not names.get(key)]
    if not versions:
        return [*found, required("spec.versions", "must have at least one version")]
    wanted = f"{names.get('plural')}.{spec.get('group')}"
    if crd["metadata"].get("name") != wanted:
        found.append(
            invalid("metadata.name", crd["metadata"].get("name"), 'must be spec.names.plural+"."+spec.group')
        )
    if not re.fullmatch(_GROUP, spec.get("group", "")):
        found.append(invalid("spec.group", spec.get("group", ""), "should be a domain with at least one dot"))
    if [bool(version.get("storage")) for version in versions].count(True) != 1:
        detail = "must have exactly one version marked as storage version"
        found.append(invalid("spec.versions", [v.get("name") for v in versions], detail))
    if spec.get("preserveUnknownFields"):
        detail = "must be false in order to use defaults in the schema"
        found.append(invalid("spec.preserveUnknownFields", True, detail))
    for index, version in enumerate(versions):
        found += _check_version(version, f"spec.versions[{index}]")
    return found


def _check_version(version: dict, at: str) -> list[Cause]:
    schema, where = version.get("schema", {}).get("openAPIV3Schema"), f"{at}.schema.openAPIV3Schema"
    if schema is None:
        return [required(where, "schemas are required")]
    if schema.get("type") != "object":
        return [invalid(f"{where}.type", schema.get("type", ""), "must be object at the root")]
    return list(_not_structural(schema, where))


def _not_structural(schema: dict, at: str) -> Iterator[Cause]:
    if not schema.get("type") and not any(schema.get(key) for key in _FREE):
        yield required(f"{at}.type", "must not be empty for specified object fields")
    for key in ("$ref", "definitions", "dependencies", "patternProperties"):
        if key in schema:
            yield forbidden(f"{at}.{key}", f"{key} is not supported")
    if "default" in schema and ".properties[" not in at:
        yield forbidden(f"{at}.default", "must not be set")
    if schema.get("x-kubernetes-list-type") == "map" and not schema.get("x-kubernetes-list-map-keys"):
        yield required(
            f"{at}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map"
        )
    if "default" in schema and (why := wrong_default(schema)):
        yield invalid(f"{at}.default", schema["default"], why)
    for index, rule in enumerate(schema.get("x-kubernetes-validations", ())):
        why = check_rule(rule.get("rule", ""))
        if why:
            yield invalid(f"{at}.x-kubernetes-validations[{index}].rule", rule.get("rule", ""), why)
    for name, below in schema.get("properties", {}).items():
        yield from _not_structural(below, f"{at}.properties[{name}]")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from _not_structural(schema[key], f"{at}.{key}")


def definition_update(new: dict, old: dict) -> list[Cause]:
    stored = old.get("status", {}).get("storedVersions", [])
    names = [version.get("name") for version in new["spec"].get("versions", [])]
    found = [
        invalid(f"status.storedVersions[{index}]", name, "missing from spec.versions")
        for index, name in enumerate(stored)
        if name not in names
    ]
    for key in ("group", "scope"):
        found += immutable(f"spec.{key}", new["spec"].get(key), old["spec"].get(key))
    return found
