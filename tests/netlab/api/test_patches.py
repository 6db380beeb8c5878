import json

from .worlds import CONFIGMAPS, DEPLOYMENTS, PODS, config_map, deployment, pod

SHOP = f"{DEPLOYMENTS}/shop"
APPLY = {"Content-Type": "application/apply-patch+yaml"}


async def patch(plane, path, body, kind, *, code=200):
    return await plane.call("PATCH", path, body, code=code, headers={"Content-Type": f"application/{kind}"})


async def apply(plane, path, body, manager, *, code=200, force="false"):
    query = f"?fieldManager={manager}&force={force}"
    return await plane.call("PATCH", path + query, body, code=code, headers=APPLY)


async def test_merge_patch_deletes_by_null(plane):
    await plane.call("POST", CONFIGMAPS, config_map(a="1", b="2"), code=201)
    patched = await patch(plane, f"{CONFIGMAPS}/c1", {"data": {"a": None, "c": "3"}}, "merge-patch+json")
    assert patched["data"] == {"b": "2", "c": "3"}


async def test_json_patch_applies_all_or_nothing(plane):
    await plane.call("POST", CONFIGMAPS, config_map(a="1"), code=201)
    steps = [{"op": "replace", "path": "/data/a", "value": "2"}, {"op": "remove", "path": "/data/ghost"}]
    await patch(plane, f"{CONFIGMAPS}/c1", steps, "json-patch+json", code=422)
    patched = await patch(plane, f"{CONFIGMAPS}/c1", steps[:1], "json-patch+json")
    assert patched["data"] == {"a": "2"}


async def test_strategic_merge_knows_containers_by_name(plane):
    await plane.call("POST", DEPLOYMENTS, deployment(), code=201)
    extra = {"name": "side", "image": "busybox:2"}
    body = {"spec": {"template": {"spec": {"containers": [extra, {"name": "web", "image": "busybox:3"}]}}}}
    patched = await patch(plane, SHOP, body, "strategic-merge-patch+json")
    images = {c["name"]: c["image"] for c in patched["spec"]["template"]["spec"]["containers"]}
    assert images == {"web": "busybox:3", "side": "busybox:2"}
    gone = {"spec": {"template": {"spec": {"containers": [{"name": "side", "$patch": "delete"}]}}}}
    patched = await patch(plane, SHOP, gone, "strategic-merge-patch+json")
    assert [c["name"] for c in patched["spec"]["template"]["spec"]["containers"]] == ["web"]


async def test_a_patch_that_changes_nothing_is_no_change(plane):
    made = await plane.call("POST", CONFIGMAPS, config_map(a="1"), code=201)
    same = await patch(plane, f"{CONFIGMAPS}/c1", {"data": {"a": "1"}}, "merge-patch+json")
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]


async def test_apply_creates_then_removes_what_is_no_longer_sent(plane):
    path = f"{CONFIGMAPS}/c1"
    await apply(plane, path, config_map(a="1", b="2"), "ana", code=201)
    applied = await apply(plane, path, config_map(a="1"), "ana")
    assert applied["data"] == {"a": "1"}


async def test_apply_fills_again_what_it_had_emptied(plane):
    path = f"{CONFIGMAPS}/c1"
    await apply(plane, path, config_map(a="1"), "ana", code=201)
    await apply(plane, path, {**config_map(), "data": {}}, "ana")
    assert (await apply(plane, path, config_map(b="2"), "ana"))["data"] == {"b": "2"}
    await apply(plane, path, {**config_map(), "data": {}}, "ana")
    await apply(plane, path, config_map(c="3"), "bia")
    left = {key: value for key, value in config_map().items() if key != "data"}
    assert (await apply(plane, path, left, "ana"))["data"] == {"c": "3"}  # another's is no part of ana's map


async def test_apply_conflicts_name_the_other_manager_and_force_takes_over(plane):
    path = f"{CONFIGMAPS}/c1"
    await apply(plane, path, config_map(a="1"), "ana", code=201)
    answer = await apply(plane, path, config_map(a="2"), "bia", code=409)
    assert answer["message"] == 'Apply failed with 1 conflict: conflict with "ana": .data.a'
    assert answer["details"]["causes"][0]["reason"] == "FieldManagerConflict"
    forced = await apply(plane, path, config_map(a="2"), "bia", force="true")
    assert forced["data"] == {"a": "2"}
    owners = {e["manager"]: e["fieldsV1"] for e in forced["metadata"]["managedFields"]}
    assert owners == {"bia": {"f:data": {"f:a": {}}}}


async def test_apply_leaves_the_fields_of_others_alone(plane):
    path = f"{CONFIGMAPS}/c1"
    await apply(plane, path, config_map(a="1"), "ana", code=201)
    await apply(plane, path, config_map(b="2"), "bia")
    left = await apply(plane, path, config_map(), "ana")
    assert left["data"] == {"b": "2"}


async def test_apply_merges_containers_by_name_and_ports_by_number(plane):
    await apply(plane, SHOP, deployment(), "ana", code=201)
    body = deployment()
    containers = [{"name": "side", "image": "busybox", "ports": [{"containerPort": 1}, {"containerPort": 2}]}]
    body["spec"]["template"]["spec"]["containers"] = containers
    merged = await apply(plane, SHOP, body, "bia")
    assert [c["name"] for c in merged["spec"]["template"]["spec"]["containers"]] == ["web", "side"]
    containers[0]["ports"] = [{"containerPort": 2}]
    merged = await apply(plane, SHOP, body, "bia")
    side = merged["spec"]["template"]["spec"]["containers"][1]
    assert [port["containerPort"] for port in side["ports"]] == [2]


async def test_an_ordinary_write_owns_what_it_sets(plane):
    await plane.call("POST", f"{CONFIGMAPS}?fieldManager=kubectl-create", config_map(a="1"), code=201)
    answer = await apply(plane, f"{CONFIGMAPS}/c1", config_map(a="2"), "ana", code=409)
    assert 'conflict with "kubectl-create" using v1: .data.a' in answer["message"]


def _pod_status(kind):
    return {"apiVersion": "v1", "kind": "Pod", "status": {"conditions": [{"type": kind, "status": "True"}]}}


async def test_applying_a_status_adds_to_its_lists_and_takes_back_only_its_own(plane):
    await plane.call("POST", PODS, pod("web"), code=201)
    path = f"{PODS}/web/status"

    async def conditions(kind, manager):
        applied = await apply(plane, path, _pod_status(kind), manager)
        return {condition["type"] for condition in applied["status"].get("conditions", [])}

    assert {"example.io/Fed"} <= await conditions("example.io/Fed", "ana")
    assert {"example.io/Fed", "example.io/Clean"} <= await conditions("example.io/Clean", "bia")
    found = await conditions("example.io/Warm", "ana")
    assert {"example.io/Warm", "example.io/Clean"} <= found and "example.io/Fed" not in found


async def test_who_applies_a_status_owns_it_below_its_own_path(plane):
    await plane.call("POST", PODS, pod("web"), code=201)
    applied = await apply(plane, f"{PODS}/web/status", _pod_status("example.io/Fed"), "ana")
    entry = next(e for e in applied["metadata"]["managedFields"] if e["manager"] == "ana")
    assert (entry["operation"], entry["subresource"]) == ("Apply", "status")
    assert set(entry["fieldsV1"]) == {"f:status"}
    assert applied["spec"]["containers"]


async def test_a_strategic_patch_that_puts_a_text_where_a_map_is_says_so(plane):
    await plane.call("POST", CONFIGMAPS, config_map(a="1"), code=201)
    body = {"metadata": {"labels": "broken"}}
    refused = await patch(plane, f"{CONFIGMAPS}/c1", body, "strategic-merge-patch+json", code=422)
    assert refused["details"]["causes"][0]["field"] == "patch"
    assert refused["message"].endswith("cannot restore map from string")


async def test_kubectl_takes_over_what_it_applied_on_its_own_side_before(plane):
    said = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c1"}, "data": {"a": "1"}}
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(said)}
    body = {**said, "metadata": {"name": "c1", "annotations": annotation}}
    await plane.call("POST", f"{CONFIGMAPS}?fieldManager=kubectl-client-side-apply", body, code=201)
    await apply(plane, f"{CONFIGMAPS}/c1", config_map(a="2"), "somebody", code=409)
    applied = await apply(plane, f"{CONFIGMAPS}/c1", config_map(a="2"), "kubectl")
    assert applied["data"] == {"a": "2"}
    remembered = applied["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"]
    assert json.loads(remembered)["data"] == {"a": "2"}
    await patch(plane, f"{CONFIGMAPS}/c1?fieldManager=ana", {"data": {"a": "3"}}, "merge-patch+json")
    await apply(plane, f"{CONFIGMAPS}/c1", config_map(a="4"), "kubectl", code=409)


async def test_fields_are_handed_over_by_whoever_writes_managed_fields(plane):
    path = f"{CONFIGMAPS}/c1"
    made = await plane.call("POST", f"{CONFIGMAPS}?fieldManager=old", config_map(a="1", b="2"), code=201)
    entry = {**made["metadata"]["managedFields"][0], "manager": "new", "operation": "Apply"}
    steps = [{"op": "replace", "path": "/metadata/managedFields", "value": [entry]}]
    await patch(plane, path, steps, "json-patch+json")
    assert (await apply(plane, path, config_map(a="3"), "new"))["data"] == {"a": "3"}
    steps[0]["value"] = [{}]
    assert "managedFields" not in (await patch(plane, path, steps, "json-patch+json"))["metadata"]
    steps = [{"op": "add", "path": "/metadata/managedFields", "value": [{"manager": "broken"}]}]
    assert "managedFields" not in (await patch(plane, path, steps, "json-patch+json"))["metadata"]
