"""Objects applied and deleted for a student, with the student's own rights and no others.

Every request carries the student's identity, so RBAC and admission decide; what they say is handed
on. Whatever the text names is checked before it becomes part of an address.
"""

import re
from dataclasses import dataclass, field

from k8s_tasks.cluster.api import APPLY, Api, student_identity
from k8s_tasks.cluster.errors import ClusterError, NotFound
from k8s_tasks.cluster.namespaces import labelled
from k8s_tasks.cluster.objects import MANAGER, path_of

_NAMES = {
    "apiVersion": re.compile(r"([a-z0-9-]+(\.[a-z0-9-]+)*/)?v[a-z0-9]+"),
    "kind": re.compile(r"[A-Za-z][A-Za-z0-9]*"),
    "name": re.compile(r"[A-Za-z0-9]([A-Za-z0-9._:-]*[A-Za-z0-9])?"),
    "namespace": re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"),
}


@dataclass(frozen=True)
class AsStudent:
    """`labels` are the session's, as on what the lab itself made: the watcher knows objects by them.
    `warnings` gathers what the server warns of."""

    api: Api
    namespace: str
    labels: dict[str, str]
    warnings: list[str] = field(default_factory=list)

    async def apply(self, manifest: dict) -> str:
        """created, configured or unchanged. Raises Refused, and ClusterError for what is no manifest."""
        before = await self.find(manifest)
        after = await self._patch(manifest)
        if before is None:
            return "created"
        return "unchanged" if _version(before) == _version(after) else "configured"

    async def try_out(self, manifest: dict) -> tuple[dict | None, dict]:
        """The object as it is, and as it would be; nothing is changed. Raises as `apply` does."""
        return await self.find(manifest), await self._patch(manifest, dryRun="All")

    async def remove(self, manifest: dict) -> None:
        await self._ask("DELETE", manifest)

    async def find(self, manifest: dict) -> dict | None:
        try:
            return await self._ask("GET", manifest)
        except NotFound:
            return None

    async def _patch(self, manifest: dict, **query: str) -> dict:
        # The lab's own objects were made by the same manager: a field the text leaves out is then removed.
        query |= {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        body = labelled(manifest, self.labels)
        return await self._ask("PATCH", manifest, query=query, body=body, content_type=APPLY)

    async def _ask(self, method: str, manifest: dict, **options) -> dict:
        check_names(manifest)
        namespace = manifest["metadata"].get("namespace") or self.namespace
        path = await path_of(self.api, manifest, namespace=namespace)
        identity = student_identity(self.namespace)
        return await self.api.request(method, path, as_user=identity, warnings=self.warnings, **options)


def check_names(manifest: object) -> None:
    """Raises ClusterError for what names no object of the API."""
    if not isinstance(manifest, dict) or not isinstance(manifest.get("metadata"), dict):
        raise ClusterError("this is no Kubernetes object: it needs apiVersion, kind and metadata")
    metadata = manifest["metadata"]
    named = {key: manifest.get(key) for key in ("apiVersion", "kind")} | {"name": metadata.get("name")}
    if metadata.get("namespace") is not None:
        named["namespace"] = metadata["namespace"]
    for key, value in named.items():
        if not isinstance(value, str) or not _NAMES[key].fullmatch(value):
            raise ClusterError(f"this is no Kubernetes object: its {key} cannot be {value!r}")


def spell(manifest: dict) -> str:
    """`networkpolicy.networking.k8s.io/deny`, as kubectl names an object."""
    return f"{spell_kind(manifest)}/{manifest['metadata']['name']}"


def spell_kind(manifest: dict) -> str:
    group, _, _version = manifest["apiVersion"].rpartition("/")
    return manifest["kind"].lower() + (f".{group}" if group else "")


def _version(found: dict) -> str:
    return found["metadata"].get("resourceVersion", "")
