"""One HorizontalPodAutoscaler, read and written as autoscaling/v1 and as autoscaling/v2."""

import json

import pytest

from netlab.schema import scalersv1

V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = V1.replace("/v1/", "/v2/")
NOTE = "autoscaling.alpha.kubernetes.io/"
CPU = {"type": "Resource", "resource": {"name": "cpu"}}
MEMORY = {
    "type": "Resource",
    "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "20Mi"}},
}
ONE_CONTAINER = {
    "type": "ContainerResource",
    "containerResource": {
        "name": "cpu",
        "container": "web",
        "target": {"type": "Utilization", "averageUtilization": 60},
    },
}
BEHAVIOR = {
    "scaleDown": {
        "stabilizationWindowSeconds": 60,
        "policies": [{"type": "Pods", "value": 2, "periodSeconds": 30}],
    }
}


def scaler(version: str, **spec) -> dict:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop", "annotations": {"mine": "kept"}},
        "spec": {"scaleTargetRef": target, "maxReplicas": 5, **spec},
    }


def share(percent: int) -> dict:
    target = {"type": "Utilization", "averageUtilization": percent}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


async def test_the_newer_version_is_preferred(plane):
    group = await plane.call("GET", "/apis/autoscaling", code=200)
    assert [one["version"] for one in group["versions"]] == ["v2", "v1"]
    assert group["preferredVersion"]["version"] == "v2"


async def test_the_aim_of_v1_is_a_metric_of_v2(plane):
    made = await plane.call("POST", V1, scaler("v1", targetCPUUtilizationPercentage=55), code=201)
    assert made["apiVersion"] == "autoscaling/v1"
    assert made["spec"]["targetCPUUtilizationPercentage"] == 55 and made["spec"]["minReplicas"] == 1
    assert made["metadata"]["annotations"] == {"mine": "kept"}
    found = await plane.call("GET", f"{V2}/shop", code=200)
    assert found["spec"]["metrics"] == [share(55)]
    assert (await plane.call("GET", V2, code=200))["items"][0]["apiVersion"] == "autoscaling/v2"


async def test_without_an_aim_it_is_eighty_percent(plane):
    made = await plane.call("POST", V1, scaler("v1"), code=201)
    assert made["spec"]["targetCPUUtilizationPercentage"] == 80


async def test_who_writes_as_v1_what_was_read_loses_nothing(plane):
    wanted = scaler("v2", metrics=[MEMORY, ONE_CONTAINER, share(70)], behavior=BEHAVIOR, minReplicas=2)
    await plane.call("POST", V2, wanted, code=201)
    old = await plane.call("GET", f"{V1}/shop", code=200)
    notes = old["metadata"]["annotations"]
    assert old["spec"]["targetCPUUtilizationPercentage"] == 70 and "metrics" not in old["spec"]
    assert json.loads(notes[f"{NOTE}metrics"])[0] == {
        "type": "Resource",
        "resource": {"name": "memory", "targetAverageValue": "20Mi"},
    }
    assert json.loads(notes[f"{NOTE}behavior"])["ScaleDown"]["Policies"][0]["PeriodSeconds"] == 30
    old["spec"]["maxReplicas"] = 7
    await plane.call("PUT", f"{V1}/shop", old, code=200)
    found = await plane.call("GET", f"{V2}/shop", code=200)
    assert found["spec"] == {**wanted["spec"], "maxReplicas": 7}
    assert found["metadata"]["annotations"] == {"mine": "kept"}


async def test_a_status_goes_both_ways(plane):
    await plane.call("POST", V2, scaler("v2"), code=201)
    current = {"averageUtilization": 48, "averageValue": "4m"}
    conditions = [
        {
            "type": "ScalingActive",
            "status": "True",
            "lastTransitionTime": "2026-11-27T00:00:00Z",
            "reason": "ValidMetricFound",
            "message": "found",
        }
    ]
    whole = plane.store.get("horizontalpodautoscalers.autoscaling", "default", "shop")
    status = {"currentReplicas": 1, "desiredReplicas": 2, "conditions": conditions}
    status["currentMetrics"] = [{"type": "Resource", "resource": {"name": "cpu", "current": current}}]
    there = scalersv1.from_v2({**whole, "status": status})
    assert there["status"]["currentCPUUtilizationPercentage"] == 48
    assert json.loads(there["metadata"]["annotations"][f"{NOTE}current-metrics"])[0]["resource"] == {
        "name": "cpu",
        "currentAverageUtilization": 48,
        "currentAverageValue": "4m",
    }
    assert scalersv1.to_v2(there) == {**whole, "status": status}


async def test_patches_of_either_version(plane):
    await plane.call("POST", V1, scaler("v1", targetCPUUtilizationPercentage=55), code=201)
    merge = {"Content-Type": "application/merge-patch+json"}
    patch = {"spec": {"targetCPUUtilizationPercentage": 30}}
    await plane.call("PATCH", f"{V1}/shop", patch, code=200, headers=merge)
    found = await plane.call("GET", f"{V2}/shop", code=200)
    assert found["spec"]["metrics"] == [share(30)]
    patch = {"spec": {"metrics": [MEMORY]}}
    await plane.call("PATCH", f"{V2}/shop", patch, code=200, headers=merge)
    old = await plane.call("GET", f"{V1}/shop", code=200)
    assert "targetCPUUtilizationPercentage" not in old["spec"]


async def test_applied_as_v1_and_contested_as_v2(plane):
    apply = {"Content-Type": "application/apply-patch+yaml"}
    one = scaler("v1", targetCPUUtilizationPercentage=55)
    await plane.call("PATCH", f"{V1}/shop?fieldManager=one", one, code=201, headers=apply)
    other = scaler("v2", metrics=[share(10)])
    refused = await plane.call("PATCH", f"{V2}/shop?fieldManager=two", other, code=409, headers=apply)
    assert refused["details"]["causes"][0]["field"] == ".spec.metrics"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("metrics", "[{"),
        ("metrics", '[{"type":"Resource","resource":{"name":"cpu","targetAverageUtilization":"x"}}]'),
        ("metrics", '{"type":"Resource"}'),
        ("behavior", '{"ScaleUp":[]}'),
        ("conditions", "[3]"),
    ],
)
async def test_annotations_that_cannot_be_read_are_dropped(plane, name, text):
    wanted = scaler("v1")
    wanted["metadata"]["annotations"][NOTE + name] = text
    await plane.call("POST", V1, wanted, code=201)
    found = await plane.call("GET", f"{V2}/shop", code=200)
    assert found["spec"]["metrics"] == [share(80)] and "behavior" not in found["spec"]
    assert found["metadata"]["annotations"] == {"mine": "kept"}


async def test_metrics_that_are_not_here_come_in_by_no_annotation(plane):
    wanted = scaler("v1")
    pods = [{"type": "Pods", "pods": {"metricName": "requests", "targetAverageValue": "3"}}]
    wanted["metadata"]["annotations"][f"{NOTE}metrics"] = json.dumps(pods)
    refused = await plane.call("POST", V1, wanted, code=422)
    assert "spec.metrics[0].pods" in refused["message"]


async def test_an_aim_below_one_percent_is_invalid(plane):
    refused = await plane.call("POST", V1, scaler("v1", targetCPUUtilizationPercentage=0), code=422)
    assert refused["details"]["causes"][0]["field"].startswith("spec.metrics[0].resource.target")


async def test_a_watch_of_v1_speaks_v1(plane):
    async with plane.session.get(f"{plane.url}{V1}?watch=true") as answer:
        await plane.call("POST", V2, scaler("v2", metrics=[share(20)]), code=201)
        event = json.loads(await answer.content.readline())
    assert event["object"]["apiVersion"] == "autoscaling/v1"
    assert event["object"]["spec"]["targetCPUUtilizationPercentage"] == 20
