"""The OpenAPI v3 documents kubectl reads before apply, edit, diff and explain.

One document per group and version: the schemas its kinds need, and for each kind the GET and PATCH
operations in which kubectl looks for `fieldValidation` and the patch types it may send. They are built
on first request (some 50 ms) and kept; the index names them by hash, as kubectl caches them on disk by it.
"""

import hashlib
import json
from functools import lru_cache

from . import definitions
from .kinds import Kind

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def index(served: dict[str, list[Kind]]) -> dict:
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document_hash(path, tuple(kinds))}"}
            for path, kinds in ((path_of(version), kinds) for version, kinds in served.items())
        }
    }


def path_of(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


def kinds_at(served: dict[str, list[Kind]], path: str) -> tuple[Kind, ...]:
    """The kinds of `api/v1`, `apis/apps/v1`, ...; none for a version that is not served."""
    return next((tuple(kinds) for version, kinds in served.items() if path_of(version) == path), ())


@lru_cache(maxsize=64)
def document(path: str, kinds: tuple[Kind, ...]) -> bytes:
    """The document of a path, as JSON."""
    names = definitions.closure([kind.definition for kind in kinds if not (kind.custom or kind.measured)])
    if any(kind.custom for kind in kinds):
        names |= definitions.closure([definitions.OBJECT_META])
    schemas = {name: _component(name) for name in sorted(names)}
    schemas |= {kind.definition: _custom_component(kind) for kind in kinds if kind.custom}
    content = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"{definitions.RELEASE}+netlab"},
        "paths": {_path(kind, path): _operations(kind) for kind in kinds if kind.stored},
        "components": {"schemas": schemas},
    }
    return json.dumps(content, separators=(",", ":")).encode()


def _custom_component(kind: Kind) -> dict:
    named = {"group": kind.group, "version": kind.version, "kind": kind.name}
    return {**_translate(kind.root), "x-kubernetes-group-version-kind": [named]}


def version_two() -> bytes:
    """The OpenAPI v2 document, in protobuf, without any path.

    kubectl asks for it when v3 does not know a kind; an empty answer lets it go on and say so plainly.
    """
    title, release = b"Kubernetes", f"{definitions.RELEASE}+netlab".encode()
    info = _field(1, title) + _field(2, release)
    return _field(1, b"2.0") + _field(2, info) + _field(8, b"")


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited protobuf field of less than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content


@lru_cache(maxsize=64)
def document_hash(path: str, kinds: tuple[Kind, ...]) -> str:
    return hashlib.sha256(document(path, kinds)).hexdigest()[:32].upper()


def _path(kind: Kind, path: str) -> str:
    scope = "namespaces/{namespace}/" if kind.namespaced else ""
    return f"/{path}/{scope}{kind.plural}/{{name}}"


def _operations(kind: Kind) -> dict:
    group_version_kind = {"group": kind.group, "version": kind.version, "kind": kind.name}
    schema = {"$ref": f"#/components/schemas/{kind.definition}"}
    answer = {"200": {"description": "OK", "content": {"application/json": {"schema": schema}}}}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
        for name in ("dryRun", "fieldManager", "fieldValidation", "force")
    ]
    patch = {
        "parameters": parameters,
        "requestBody": {"content": {media: {"schema": {"type": "object"}} for media in _patch_types(kind)}},
        "responses": answer,
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": group_version_kind,
    }
    get = {
        "responses": answer,
        "x-kubernetes-action": "get",
        "x-kubernetes-group-version-kind": group_version_kind,
    }
    return {"get": get, "patch": patch}


def _patch_types(kind: Kind) -> list[str]:
    """kubectl makes a strategic patch of its own where one is offered: for that a kind must be built in."""
    return [media for media in PATCH_TYPES if not (kind.custom and "strategic" in media)]


def _component(name: str) -> dict:
    if name == _INT_OR_STRING:
        return {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"}
    if name == _QUANTITY:
        return {"oneOf": [{"type": "string"}, {"type": "number"}]}
    return _translate(definitions.definition(name))


def _translate(node):
    """JSON Schema as published into the OpenAPI 3.0 dialect."""
    if isinstance(node, list):
        return [_translate(item) for item in node]
    if not isinstance(node, dict):
        return node
    if isinstance(node.get("$ref"), str):
        return _reference(node)
    translated = {key: _translate(value) for key, value in node.items() if key != "$ref"}
    if isinstance(translated.get("type"), list):
        translated["type"] = translated["type"][0]
    if len(translated.get("enum", ())) == 1:
        del translated["enum"]  # the pinned values of apiVersion and kind
    return translated


def _reference(node: dict) -> dict:
    ref = {"$ref": node["$ref"].replace("#/$defs/", "#/components/schemas/")}
    rest = {key: _translate(value) for key, value in node.items() if key != "$ref"}
    return {**rest, "allOf": [ref]} if rest else ref
