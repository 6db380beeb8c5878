"""The throw-away namespace of one preflight, and waiting for what is made in it."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from k8s_tasks.cluster.api import Api
from k8s_tasks.cluster.errors import ClusterError
from k8s_tasks.cluster.objects import apply_manifest, delete_namespace

logger = logging.getLogger(__name__)

LABEL = "redes.local/preflight"  # which portal's
LEFT_AFTER = timedelta(minutes=2)  # no preflight takes so long: whoever made it is dead


@dataclass(frozen=True)
class Scene:
    api: Api
    namespace: str

    async def make(self, manifest: dict) -> dict:
        return await apply_manifest(self.api, manifest, namespace=self.namespace)

    async def wait(
        self, manifest: dict, plural: str, is_met: Callable[[dict], bool], *, seconds: float
    ) -> bool:
        """Make it and wait until `is_met` says so of it; False when it does not in time."""
        await self.make(manifest)
        selector = f"metadata.name={manifest['metadata']['name']}"
        return await self.sees(manifest["apiVersion"], plural, selector, is_met, seconds=seconds)

    async def sees(
        self, version: str, plural: str, selector: str, is_met: Callable[[dict], bool], *, seconds: float
    ) -> bool:
        """Wait for an object of these fields of which `is_met` is true; False when none comes in time."""
        path = f"/apis/{version}" if "/" in version else f"/api/{version}"
        path += f"/namespaces/{self.namespace}/{plural}"
        try:
            async with asyncio.timeout(seconds):
                while not await self._seen(path, selector, is_met):
                    pass
        except TimeoutError:
            return False
        return True

    async def _seen(self, path: str, selector: str, is_met: Callable[[dict], bool]) -> bool:
        query = {"fieldSelector": selector}
        listed = await self.api.request("GET", path, query=query)
        if any(is_met(item) for item in listed["items"]):
            return True
        query["resourceVersion"] = listed["metadata"]["resourceVersion"]
        async with aclosing(self.api.watch(path, query=query, seconds=30)) as events:
            async for event in events:
                if event["type"] in ("ADDED", "MODIFIED") and is_met(event["object"]):
                    return True
        return False


@asynccontextmanager
async def open_scene(api: Api, owner: str) -> AsyncIterator[Scene]:
    """A namespace that is deleted at the end; those a dead process of `owner` has left go first."""
    await _delete_left(api, owner)
    name = f"redes-preflight-{secrets.token_hex(4)}"
    made = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {LABEL: owner}}}
    try:
        await apply_manifest(api, made)
        yield Scene(api, name)
    finally:
        await asyncio.shield(_delete(api, name))


async def _delete(api: Api, name: str) -> None:
    try:
        await delete_namespace(api, name)
    except ClusterError as error:
        logger.warning("namespace %s is left for the next preflight to delete: %s", name, error)


async def _delete_left(api: Api, owner: str) -> None:
    found = await api.request("GET", "/api/v1/namespaces", query={"labelSelector": f"{LABEL}={owner}"})
    for each in found["items"]:
        made_at = datetime.fromisoformat(each["metadata"]["creationTimestamp"])
        if datetime.now(UTC) - made_at > LEFT_AFTER:
            await _delete(api, each["metadata"]["name"])
