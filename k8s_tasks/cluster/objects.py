"""Apply manifests, list and delete objects, and wait until pods are ready."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import yaml

from k8s_tasks.cluster.api import APPLY, Api
from k8s_tasks.cluster.errors import ClusterError, NotFound, NotReady

MANAGER = "redes"


async def apply_manifest(api: Api, manifest: dict, *, namespace: str | None = None) -> dict:
    """Server-side apply: made when absent, mended when it drifted."""
    path = await path_of(api, manifest, namespace=namespace)
    query = {"fieldManager": MANAGER, "force": "true"}
    return await api.request("PATCH", path, query=query, body=manifest, content_type=APPLY)


async def apply_manifests(api: Api, manifests: list[dict], *, namespace: str | None = None) -> None:
    for manifest in manifests:
        await apply_manifest(api, manifest, namespace=namespace)


async def path_of(api: Api, manifest: dict, *, namespace: str | None = None) -> str:
    """The address of the object. Raises ClusterError when the cluster does not serve its kind."""
    version, kind = manifest["apiVersion"], manifest["kind"]
    plural, namespaced = await _resource_of(api, version, kind)
    metadata = manifest["metadata"]
    place = f"/namespaces/{namespace or metadata.get('namespace', 'default')}" if namespaced else ""
    return f"{_root(version)}{place}/{plural}/{metadata['name']}"


async def _resource_of(api: Api, version: str, kind: str) -> tuple[str, bool]:
    if (version, kind) not in api.kinds:
        listed = await api.request("GET", _root(version))
        for resource in listed["resources"]:
            if "/" not in resource["name"]:
                api.kinds[version, resource["kind"]] = (resource["name"], resource["namespaced"])
    try:
        return api.kinds[version, kind]
    except KeyError:
        raise ClusterError(f"the cluster does not serve {kind} of {version}") from None


def _root(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def read_manifests(*texts: str) -> list[dict]:
    """The documents of YAML texts, empty ones left out."""
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


async def delete_namespace(api: Api, namespace: str) -> None:
    """Ask for its deletion; gone already is as good."""
    try:
        await api.request("DELETE", f"/api/v1/namespaces/{namespace}")
    except NotFound:
        pass


async def list_pods(api: Api, *, namespace: str | None = None, labels: str = "") -> tuple[list[dict], str]:
    """The pods and the resourceVersion from which a watch goes on."""
    place = f"/namespaces/{namespace}" if namespace else ""
    found = await api.request(
        "GET", f"/api/v1{place}/pods", query={"labelSelector": labels} if labels else None
    )
    return found["items"], found["metadata"]["resourceVersion"]


async def wait_until_ready(
    api: Api, namespace: str, names: set[str], *, seconds: float, labels: str = ""
) -> list[dict]:
    """The pods once all named ones are Ready, by watch.

    Raises NotReady naming those that are not, with the kubelet's words.
    """
    pods: dict[str, dict] = {}
    try:
        await wait_for_pods(
            api, namespace, lambda: _all_ready(names, pods), into=pods, seconds=seconds, labels=labels
        )
    except TimeoutError:
        raise NotReady(_why_not_ready(names, pods, seconds)) from None
    return [pods[name] for name in sorted(names)]


async def wait_for_pods(
    api: Api,
    namespace: str,
    is_met: Callable[[], bool],
    *,
    into: dict[str, dict],
    seconds: float,
    labels: str = "",
) -> None:
    """Keep `into` (pods by name) like the namespace until `is_met`. Raises TimeoutError."""
    query = {"labelSelector": labels} if labels else {}
    path = f"/api/v1/namespaces/{namespace}/pods"
    async with asyncio.timeout(seconds):
        while True:
            listed, version = await list_pods(api, namespace=namespace, labels=labels)
            into.clear()
            into.update({pod["metadata"]["name"]: pod for pod in listed})
            if is_met() or await _watch_until(api, path, {**query, "resourceVersion": version}, is_met, into):
                return


async def _watch_until(
    api: Api, path: str, query: dict, is_met: Callable[[], bool], into: dict[str, dict]
) -> bool:
    async with aclosing(api.watch(path, query=query, seconds=60)) as events:
        async for event in events:
            name = event["object"]["metadata"].get("name")
            if event["type"] in ("ADDED", "MODIFIED"):
                into[name] = event["object"]
            elif event["type"] == "DELETED":
                into.pop(name, None)
            if is_met():
                return True
    return False


def _all_ready(names: set[str], pods: dict[str, dict]) -> bool:
    return all(name in pods and is_ready(pods[name]) for name in names)


def is_ready(pod: dict) -> bool:
    conditions = pod.get("status", {}).get("conditions") or []
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def _why_not_ready(names: set[str], pods: dict[str, dict], seconds: float) -> str:
    late = [f"{name} ({_state_of(pods.get(name))})" for name in sorted(names) if not _all_ready({name}, pods)]
    return f"not ready after {seconds:g} s: {', '.join(late)}"


def _state_of(pod: dict | None) -> str:
    if pod is None:
        return "not created"
    status = pod.get("status", {})
    for container in status.get("containerStatuses") or []:
        waiting = container.get("state", {}).get("waiting")
        if waiting:
            return f"{waiting.get('reason')}: {waiting.get('message', '')}".rstrip(": ")
    unmet = [
        c.get("message") for c in status.get("conditions") or [] if c["status"] != "True" and c.get("message")
    ]
    return unmet[0] if unmet else status.get("phase", "Unknown")


async def list_nodes(api: Api) -> list[dict]:
    return (await api.request("GET", "/api/v1/nodes"))["items"]


def is_worker(node: dict) -> bool:
    """Takes ordinary pods: no taint keeps them away, and it is not cordoned."""
    taints = node.get("spec", {}).get("taints") or []
    return not any(taint["effect"] in ("NoSchedule", "NoExecute") for taint in taints)
