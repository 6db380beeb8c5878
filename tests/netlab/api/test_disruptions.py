"""PodDisruptionBudgets: which evictions they let through."""

import pytest

from .worlds import DEPLOYMENTS, PODS, deployment

BUDGETS = "/apis/policy/v1/namespaces/default/poddisruptionbudgets"


@pytest.fixture
async def pods(plane):
    """The names of a Deployment's three ready pods."""
    async with plane.store.watch("pods") as changes:
        await plane.call("POST", DEPLOYMENTS, deployment(replicas=3), code=201)
        ready: set[str] = set()
        async for change in changes:
            if change.object["status"]["phase"] == "Running":
                ready.add(change.object["metadata"]["name"])
            if len(ready) == 3:
                return sorted(ready)


async def _guard(plane, **spec) -> None:
    body = {"metadata": {"name": "guard"}, "spec": {"selector": {"matchLabels": {"app": "shop"}}, **spec}}
    await plane.call("POST", BUDGETS, body, code=201)


async def _evict(plane, name: str) -> dict:
    return await plane.call("POST", f"{PODS}/{name}/eviction", {"metadata": {"name": name}})


@pytest.mark.parametrize("spec", [{"minAvailable": 3}, {"maxUnavailable": 0}, {"minAvailable": "70%"}])
async def test_an_eviction_that_would_leave_too_few_pods_is_refused(plane, pods, spec):
    await _guard(plane, **spec)
    refused = await _evict(plane, pods[0])
    assert (refused["code"], refused["reason"]) == (429, "TooManyRequests")
    told = refused["details"]["causes"][0]["message"]
    assert told == "The disruption budget guard needs 3 healthy pods and has 3 currently"


@pytest.mark.parametrize("spec", [{"minAvailable": 2}, {"maxUnavailable": "30%"}])
async def test_an_eviction_within_the_budget_goes_through(plane, pods, spec):
    await _guard(plane, **spec)
    assert (await _evict(plane, pods[0]))["status"] == "Success"


async def test_a_pod_that_is_not_ready_may_always_go_where_the_budget_says_so(plane, pods):
    await _guard(plane, minAvailable=3, unhealthyPodEvictionPolicy="AlwaysAllow")
    plane.store.mutate("pods", "default", pods[0], lambda pod: pod["status"].update(conditions=[]))
    assert (await _evict(plane, pods[0]))["status"] == "Success"


async def test_the_status_tells_what_is_allowed(plane, pods):
    async with plane.store.watch("poddisruptionbudgets.policy") as changes:
        await _guard(plane, minAvailable=1)
        async for change in changes:
            if "status" in change.object:
                break
    status = change.object["status"]
    assert (status["disruptionsAllowed"], status["desiredHealthy"], status["expectedPods"]) == (2, 1, 3)


async def test_a_budget_has_one_bound(plane):
    spec = {"minAvailable": 1, "maxUnavailable": 1, "selector": {}}
    refused = await plane.call("POST", BUDGETS, {"metadata": {"name": "b"}, "spec": spec}, code=422)
    assert "cannot be both set" in refused["message"]
