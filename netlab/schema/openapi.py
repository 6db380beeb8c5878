"""The OpenAPI v3 documents kubectl reads before apply, edit, diff and explain.

One document per group and version: the schemas its kinds need, and for each kind the GET and PATCH
operations in which kubectl looks for `fieldValidation` and the patch types it may send. They are built
on first request (some 50 ms) and kept; the index names them by hash, as kubectl caches them on disk by it.
"""

import hashlib
import json
from functools import cache

from . import definitions
from .kinds import Kind, group_versions

PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def index() -> dict:
    return {
        "paths": {
            path: {"serverRelativeURL": f"/openapi/v3/{path}?hash={document_hash(path)}"}
            for path in map(path_of, group_versions())
        }
    }


def path_of(api_version: str) -> str:
    return f"apis/{api_version}" if "/" in api_version else f"api/{api_version}"


@cache
def document(path: str) -> bytes | None:
    """The document of `api/v1`, `apis/apps/v1`, ... as JSON; None for a version that is not served."""
    kinds = next((kinds for version, kinds in group_versions().items() if path_of(version) == path), None)
    if kinds is None:
        return None
    names = definitions.closure([kind.definition for kind in kinds])
    content = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": f"{definitions.RELEASE}+netlab"},
        "paths": {_path(kind, path): _operations(kind) for kind in kinds if kind.stored},
        "components": {"schemas": {name: _component(name) for name in sorted(names)}},
    }
    return json.dumps(content, separators=(",", ":")).encode()


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


@cache
def document_hash(path: str) -> str:
    return hashlib.sha256(document(path)).hexdigest()[:32].upper()


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
        "requestBody": {"content": {media: {"schema": {"type": "object"}} for media in PATCH_TYPES}},
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
