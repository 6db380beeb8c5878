"""metrics.k8s.io and the list of APIServices, with figures of a machine that is not there."""

import pytest

from .worlds import PODS, pod

METRICS = "/apis/metrics.k8s.io/v1beta1"


@pytest.fixture
async def web(plane):
    """One running pod `web`."""
    async with plane.store.watch("pods") as changes:
        await plane.call("POST", PODS, pod("web"), code=201)
        async for change in changes:
            if change.object["status"]["phase"] == "Running":
                return change.object


async def test_a_pod_tells_the_use_of_each_container(plane, web):
    found = await plane.call("GET", f"{METRICS}/namespaces/default/pods/web", code=200)
    usage = {"cpu": "250000000n", "memory": "1024Ki"}
    assert found["containers"] == [{"name": "box", "usage": usage}]
    assert (found["metadata"]["labels"], found["window"]) == ({"app": "web"}, "10.000s")


async def test_a_node_tells_the_sum_of_its_pods(plane, web):
    found = await plane.call("GET", f"{METRICS}/nodes", code=200)
    used = {item["metadata"]["name"]: item["usage"]["cpu"] for item in found["items"]}
    assert used == {
        name: "250000000n" if name == web["spec"]["nodeName"] else "0n"
        for name in ("redes-control-plane", "redes-worker", "redes-worker2")
    }


async def test_selectors_pick_pods_by_their_labels(plane, web):
    path = f"{METRICS}/pods?labelSelector=app"
    assert len((await plane.call("GET", f"{path}%3Dweb", code=200))["items"]) == 1
    assert (await plane.call("GET", f"{path}%3Dother", code=200))["items"] == []


async def test_a_pod_that_does_not_run_has_no_figures(plane):
    refused = await plane.call("GET", f"{METRICS}/namespaces/default/pods/nobody", code=404)
    assert refused["message"] == 'pods.metrics.k8s.io "default/nobody" not found'


async def test_each_group_and_version_is_an_available_api_service(plane):
    found = await plane.call("GET", "/apis/apiregistration.k8s.io/v1/apiservices", code=200)
    names = {item["metadata"]["name"] for item in found["items"]}
    assert {"v1.", "v1.apps", "v1beta1.metrics.k8s.io"} <= names
    assert {item["status"]["conditions"][0]["status"] for item in found["items"]} == {"True"}


async def test_an_api_service_comes_and_goes_with_the_definition_of_its_group(plane):
    names = {"plural": "bells", "singular": "bell", "kind": "Bell", "listKind": "BellList"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    version = {"name": "v2", "served": True, "storage": True, "schema": schema}
    spec = {"group": "school.example", "scope": "Namespaced", "names": names, "versions": [version]}
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    async with plane.store.watch("apiservices.apiregistration.k8s.io") as changes:
        body = {"metadata": {"name": "bells.school.example"}, "spec": spec}
        await plane.call("POST", definitions, body, code=201)
        made = await anext(changes)
        await plane.call("DELETE", f"{definitions}/bells.school.example", code=200)
        gone = await anext(changes)
    assert (made.type, gone.type) == ("ADDED", "DELETED")
    assert made.object["metadata"]["name"] == gone.object["metadata"]["name"] == "v2.school.example"
