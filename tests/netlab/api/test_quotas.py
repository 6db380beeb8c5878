"""ResourceQuotas and LimitRanges: what is counted, filled in and refused."""

import pytest

from .worlds import NAMESPACE, PODS, pod

QUOTAS, RANGES = f"{NAMESPACE}/resourcequotas", f"{NAMESPACE}/limitranges"


def asking(name="web", *, requests: dict | None = None, limits: dict | None = None, **spec) -> dict:
    one = pod(name, **spec)
    one["spec"]["containers"][0]["resources"] = {
        kind: value for kind, value in (("requests", requests), ("limits", limits)) if value
    }
    return one


def quota(hard: dict, **spec) -> dict:
    return {"metadata": {"name": "q"}, "spec": {"hard": hard, **spec}}


def limit_range(kind="Container", **item) -> dict:
    return {"metadata": {"name": "r"}, "spec": {"limits": [{"type": kind, **item}]}}


async def test_what_pods_ask_for_is_summed_and_limited(plane):
    await plane.call("POST", QUOTAS, quota({"requests.cpu": "1", "limits.memory": "1Gi"}), code=201)
    fits = asking(requests={"cpu": "600m"}, limits={"memory": "512Mi"})
    await plane.call("POST", PODS, fits, code=201)
    more = asking("more", requests={"cpu": "500m"}, limits={"memory": "1Mi"})
    refused = await plane.call("POST", PODS, more, code=403)
    told = "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, limited: requests.cpu=1"
    assert refused["message"] == f'pods "more" is forbidden: {told}'


async def test_who_is_limited_must_say_what_it_asks_for(plane):
    await plane.call("POST", QUOTAS, quota({"requests.cpu": "1", "memory": "1Gi"}), code=201)
    refused = await plane.call("POST", PODS, pod(), code=403)
    assert "failed quota: q: must specify memory for: box; requests.cpu for: box" in refused["message"]


async def test_a_scope_counts_its_own_pods_only(plane):
    await plane.call("POST", QUOTAS, quota({"pods": "0"}, scopes=["BestEffort"]), code=201)
    await plane.call("POST", PODS, asking(requests={"cpu": "1m"}), code=201)
    refused = await plane.call("POST", PODS, pod("idle"), code=403)
    assert "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0" in refused["message"]


async def test_services_are_counted_by_their_type(plane):
    await plane.call("POST", QUOTAS, quota({"services.nodeports": "0"}), code=201)
    services, spec = f"{NAMESPACE}/services", {"ports": [{"port": 80}]}
    await plane.call("POST", services, {"metadata": {"name": "a"}, "spec": spec}, code=201)
    refused = await plane.call(
        "POST", services, {"metadata": {"name": "b"}, "spec": {**spec, "type": "NodePort"}}, code=403
    )
    assert "services.nodeports=1" in refused["message"]


async def test_a_scope_that_would_count_wrongly_is_refused(plane):
    refused = await plane.call("POST", QUOTAS, quota({"pods": "1"}, scopes=["PriorityClass"]), code=422)
    assert "scope PriorityClass is not available" in refused["message"]


async def test_a_range_fills_in_what_a_container_does_not_say(plane):
    await plane.call("POST", RANGES, limit_range(default={"cpu": "500m"}, max={"memory": "1Gi"}), code=201)
    made = await plane.call("POST", PODS, pod(), code=201)
    assert made["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "500m", "memory": "1Gi"},
        "requests": {"cpu": "500m", "memory": "1Gi"},
    }
    assert made["status"]["qosClass"] == "Guaranteed"


@pytest.mark.parametrize(
    ("item", "resources", "message"),
    [
        (
            {"max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Container is 1, but limit is 2",
        ),
        (
            {"min": {"memory": "64Mi"}},
            {"requests": {"memory": "32Mi"}},
            "minimum memory usage per Container is 64Mi, but request is 32Mi",
        ),
        (
            {"maxLimitRequestRatio": {"cpu": "2"}},
            {"requests": {"cpu": "100m"}, "limits": {"cpu": "400m"}},
            "cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000",
        ),
        (
            {"kind": "Pod", "max": {"cpu": "1"}},
            {"limits": {"cpu": "2"}},
            "maximum cpu usage per Pod is 1, but limit is 2",
        ),
    ],
)
async def test_too_much_and_too_little_is_refused(plane, item, resources, message):
    await plane.call("POST", RANGES, limit_range(**item), code=201)
    refused = await plane.call("POST", PODS, asking(**resources), code=403)
    assert refused["message"] == f'pods "web" is forbidden: {message}'


async def test_what_is_no_quantity_is_a_bad_request(plane):
    for text in ("much", "NaN", "1Xi", ""):
        refused = await plane.call("POST", PODS, asking(requests={"cpu": text}), code=400)
        assert "quantities must match the regular expression" in refused["message"]
