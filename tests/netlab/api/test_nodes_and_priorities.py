"""What a node answers through the API, and what a PriorityClass makes of a pod."""

import pytest

from .worlds import PODS, pod

CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
NODE = "/api/v1/nodes/redes-worker"


async def _make_class(plane, name: str, value: int, **more) -> dict:
    return await plane.call("POST", CLASSES, {"metadata": {"name": name}, "value": value, **more})


async def test_a_node_tells_of_its_pods(plane):
    async with plane.store.watch("pods") as changes:
        await plane.call("POST", PODS, pod("web", nodeName="redes-worker"), code=201)
        async for change in changes:
            if change.object["status"]["phase"] == "Running":
                break
    listed = await plane.call("GET", f"{NODE}/proxy/pods", code=200)
    assert [one["metadata"]["name"] for one in listed["items"]] == ["web"]
    summary = await plane.call("GET", f"{NODE}:10250/proxy/stats/summary", code=200)
    assert summary["node"]["cpu"]["usageNanoCores"] == 250_000_000
    assert summary["pods"][0]["podRef"]["name"] == "web"


async def test_a_node_has_no_logs_and_says_so(plane):
    refused = await plane.call("GET", f"{NODE}/proxy/logs/", code=404)
    assert "healthz, pods, stats/summary" in refused["message"]


async def test_a_pod_gets_the_priority_of_its_class_and_a_warning_that_nothing_is_preempted(plane):
    await _make_class(plane, "urgent", 1000, preemptionPolicy="Never")
    body = pod("web", priorityClassName="urgent")
    async with plane.session.post(plane.url + PODS, json=body) as answer:
        spec = (await answer.json())["spec"]
        assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
        assert any("never preempts" in text for text in answer.headers.getall("Warning"))


async def test_without_a_class_the_default_one_counts(plane):
    assert (await plane.call("POST", PODS, pod("plain"), code=201))["spec"]["priority"] == 0
    await _make_class(plane, "usual", 7, globalDefault=True)
    made = await plane.call("POST", PODS, pod("later"), code=201)
    assert (made["spec"]["priority"], made["spec"]["priorityClassName"]) == (7, "usual")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ({"priorityClassName": "nope"}, "no PriorityClass with name nope was found"),
        ({"priority": 5}, "the integer value of priority (5) must not be provided in pod spec"),
    ],
)
async def test_a_priority_that_no_class_gives_is_refused(plane, spec, why):
    assert why in (await plane.call("POST", PODS, pod("web", **spec), code=403))["message"]


async def test_a_class_keeps_its_value_and_its_bounds(plane):
    await _make_class(plane, "urgent", 1000)
    changed = await plane.call(
        "PATCH", f"{CLASSES}/urgent", {"value": 2}, headers={"Content-Type": "application/merge-patch+json"}
    )
    assert "field is immutable" in changed["message"]
    assert "maximum allowed value" in (await _make_class(plane, "beyond", 2_000_000_000))["message"]


async def test_a_node_is_registered_with_its_status(plane):
    ghost = {"metadata": {"name": "ghost"}, "status": {"capacity": {"memory": "1Gi"}}}
    made = await plane.call("POST", "/api/v1/nodes", ghost, code=201)
    assert made["status"]["capacity"] == {"memory": "1Gi"}
