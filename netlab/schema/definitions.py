"""The published schemas of the Kubernetes API, as the kubernetes-validate package carries them.

Everything that must know the shape of an object reads them here: strict decoding, pruning, the patch
types, server-side apply and the OpenAPI documents. Schemas are plain dicts; `$ref` is resolved lazily.
"""

import json
from functools import cache
from importlib.resources import files

RELEASE = "v1.36.0"
META = "io.k8s.apimachinery.pkg.apis.meta.v1"
OBJECT_META = f"{META}.ObjectMeta"
_REF = "#/$defs/"


@cache
def definitions() -> dict[str, dict]:
    source = (
        files("kubernetes_validate") / "kubernetes-json-schema" / f"{RELEASE}-local" / "_definitions.json"
    )
    return json.loads(source.read_bytes())["$defs"]


def definition(name: str) -> dict:
    return definitions()[name]


def reference_of(schema: dict) -> str | None:
    """The name of the definition this schema points at."""
    ref = schema.get("$ref")
    return ref.removeprefix(_REF) if ref else None


def resolve(schema: dict) -> tuple[str | None, dict]:
    """Follow `$ref`: the name of the definition (None for an inline schema) and its body."""
    name = reference_of(schema)
    return name, definitions()[name] if name else schema


def type_of(schema: dict) -> str | None:
    kind = schema.get("type")
    return kind[0] if isinstance(kind, list) else kind


def closure(names: list[str]) -> set[str]:
    """These definitions and all they refer to."""
    found, todo = set(), list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(_references(definitions()[name]))
    return found


def _references(node) -> list[str]:
    if isinstance(node, list):
        return [ref for item in node for ref in _references(item)]
    if not isinstance(node, dict):
        return []
    own = [reference_of(node)] if isinstance(node.get("$ref"), str) else []
    return own + [ref for item in node.values() for ref in _references(item)]
