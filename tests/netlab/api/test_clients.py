"""The official Python clients, and the oracle: their models read everything that is stored."""

import asyncio

import pytest
from kubernetes import client, config, watch
from kubernetes.aio import client as aio_client
from kubernetes.aio import config as aio_config
from kubernetes.aio.stream import WsApiClient
from kubernetes.client import models

from netlab.schema.kinds import KINDS

from .worlds import deployment, pod, service


@pytest.fixture
def sync_api(plane):
    """The official client's ApiClient; call it from a thread, the server runs on this loop."""
    settings = client.Configuration()
    config.load_kube_config(str(plane.kubeconfig), client_configuration=settings)
    return client.ApiClient(settings)


@pytest.fixture
async def aio_api(plane):
    settings = aio_client.Configuration()
    await aio_config.load_kube_config(str(plane.kubeconfig), client_configuration=settings)
    async with aio_client.ApiClient(settings) as api:
        yield api


async def running_pod(plane, name="web"):
    async with plane.store.watch("pods") as changes:
        await plane.call("POST", "/api/v1/namespaces/default/pods", pod(name), code=201)
        async for change in changes:
            if change.object["status"]["phase"] == "Running":
                return


def model_of(kind):
    prefix = {"": "Core", "events.k8s.io": "Events"}[kind.group] if kind.name == "Event" else ""
    return getattr(models, f"{prefix}V1{kind.name}")


async def test_the_official_models_read_everything_stored(plane):
    await plane.call("POST", "/apis/apps/v1/namespaces/default/deployments", deployment(), code=201)
    await plane.call("POST", "/api/v1/namespaces/default/services", service(), code=201)
    daemon = deployment("daemon")
    del daemon["spec"]["replicas"]
    await plane.call("POST", "/apis/apps/v1/namespaces/default/daemonsets", daemon, code=201)
    await running_pod(plane)
    read = 0
    for kind in KINDS:
        if kind.stored:
            prefix = f"/apis/{kind.api_version}" if kind.group else "/api/v1"
            found = await plane.call("GET", f"{prefix}/{kind.plural}", code=200)
            for item in found["items"]:
                assert model_of(kind).from_dict(item)
                read += 1
    assert read > 40


async def test_the_sync_client_lists_creates_and_deletes(plane, sync_api):
    core = client.CoreV1Api(sync_api)

    def story():
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c1"), data={"a": "1"})
        core.create_namespaced_config_map("default", body)
        core.patch_namespaced_config_map("c1", "default", {"data": {"b": "2"}})
        found = core.read_namespaced_config_map("c1", "default")
        core.delete_namespaced_config_map("c1", "default")
        return found.data, [node.metadata.name for node in core.list_node().items]

    data, nodes = await asyncio.to_thread(story)
    assert data == {"a": "1", "b": "2"}
    assert nodes == ["redes-control-plane", "redes-worker", "redes-worker2"]


async def test_the_sync_client_watches(plane, sync_api):
    await running_pod(plane)
    core = client.CoreV1Api(sync_api)

    def first_event():
        for event in watch.Watch().stream(core.list_namespaced_pod, "default", timeout_seconds=5):
            return event["type"], event["object"].metadata.name

    assert await asyncio.to_thread(first_event) == ("ADDED", "web")


async def test_the_async_client_lists_and_watches(plane, aio_api):
    core = aio_client.CoreV1Api(aio_api)
    before = await core.list_namespaced_pod("default")
    assert before.items == []
    from kubernetes.aio import watch as aio_watch

    async def added():
        version = before.metadata.resource_version
        stream = aio_watch.Watch().stream(core.list_namespaced_pod, "default", resource_version=version)
        async for event in stream:
            return event["object"].metadata.name

    seeing = asyncio.create_task(added())
    await running_pod(plane, "late")
    assert await asyncio.wait_for(seeing, 5) == "late"


async def test_the_async_client_executes(plane):
    await running_pod(plane)
    settings = aio_client.Configuration()
    await aio_config.load_kube_config(str(plane.kubeconfig), client_configuration=settings)
    async with WsApiClient(settings) as streaming:
        core = aio_client.CoreV1Api(streaming)
        said = await core.connect_get_namespaced_pod_exec(
            "web", "default", command=["id"], stdout=True, stderr=True, stdin=False, tty=False
        )
    assert said == "hello\n"
