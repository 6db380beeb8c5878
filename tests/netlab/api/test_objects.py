import pytest

from .worlds import CONFIGMAPS, DEPLOYMENTS, NAMESPACE, PODS, config_map, deployment, pod, service

SERVICES = f"{NAMESPACE}/services"


async def test_create_fills_in_what_a_real_server_would(plane):
    made = await plane.call("POST", PODS, pod(), code=201)
    spec = made["spec"]
    assert (spec["restartPolicy"], spec["terminationGracePeriodSeconds"]) == ("Always", 30)
    assert spec["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    mount = spec["containers"][0]["volumeMounts"][0]
    assert mount["mountPath"] == "/var/run/secrets/kubernetes.io/serviceaccount"


async def test_no_token_is_mounted_when_the_pod_declines(plane):
    made = await plane.call("POST", PODS, pod(automountServiceAccountToken=False), code=201)
    assert "volumes" not in made["spec"]


async def test_a_pod_of_an_unknown_service_account_is_refused(plane):
    answer = await plane.call("POST", PODS, pod(serviceAccountName="ghost"), code=403)
    assert answer["message"] == (
        'pods "web" is forbidden: error looking up service account default/ghost:'
        ' serviceaccount "ghost" not found'
    )


async def test_twice_is_a_conflict_in_kubernetes_words(plane):
    await plane.call("POST", CONFIGMAPS, config_map(), code=201)
    answer = await plane.call("POST", CONFIGMAPS, config_map(), code=409)
    assert answer["message"] == 'configmaps "c1" already exists'
    assert (answer["reason"], answer["details"]) == ("AlreadyExists", {"name": "c1", "kind": "configmaps"})


async def test_a_missing_object_is_not_found(plane):
    answer = await plane.call("GET", f"{DEPLOYMENTS}/nope", code=404)
    assert answer["message"] == 'deployments.apps "nope" not found'


async def test_an_unknown_path_is_not_a_resource(plane):
    answer = await plane.call("GET", "/apis/networking.k8s.io/v1/referencegrants", code=404)
    assert answer["message"] == "the server could not find the requested resource"


async def test_a_namespace_must_exist(plane):
    answer = await plane.call("POST", "/api/v1/namespaces/ghost/pods", pod(), code=404)
    assert answer["message"] == 'namespaces "ghost" not found'


async def test_a_stale_update_is_refused_and_the_same_again_changes_nothing(plane):
    made = await plane.call("POST", CONFIGMAPS, config_map(a="1"), code=201)
    same = await plane.call("PUT", f"{CONFIGMAPS}/c1", made, code=200)
    assert same["metadata"]["resourceVersion"] == made["metadata"]["resourceVersion"]
    await plane.call("PUT", f"{CONFIGMAPS}/c1", {**made, "data": {"a": "2"}}, code=200)
    answer = await plane.call("PUT", f"{CONFIGMAPS}/c1", {**made, "data": {"a": "3"}}, code=409)
    assert answer["message"].startswith(
        'Operation cannot be fulfilled on configmaps "c1": the object has been'
    )


async def test_status_is_changed_only_through_its_subresource(plane):
    made = await plane.call("POST", PODS, {**pod(nodeName="off"), "status": {"phase": "Running"}}, code=201)
    assert made["status"]["phase"] == "Pending"
    plane.store.remove("pods", "default", "web")
    shop = await plane.call("POST", DEPLOYMENTS, deployment(replicas=0), code=201)
    shop.pop("status", None)
    shop["metadata"].pop("resourceVersion")
    shop["status"] = {"collisionCount": 7}
    path = f"{DEPLOYMENTS}/shop"
    assert "collisionCount" not in (await plane.call("PUT", path, shop, code=200)).get("status", {})
    written = await plane.call(
        "PUT", f"{path}/status", {**shop, "spec": deployment(replicas=9)["spec"]}, code=200
    )
    assert (written["status"]["collisionCount"], written["spec"]["replicas"]) == (7, 0)


async def test_a_dry_run_stores_nothing(plane):
    made = await plane.call("POST", f"{CONFIGMAPS}?dryRun=All", config_map(), code=201)
    assert made["metadata"]["uid"]
    await plane.call("GET", f"{CONFIGMAPS}/c1", code=404)


async def test_lists_come_in_pages(plane):
    for name in ("a", "b", "c"):
        await plane.call("POST", CONFIGMAPS, config_map(name), code=201)
    selector = "fieldSelector=metadata.name!=kube-root-ca.crt"
    first = await plane.call("GET", f"{CONFIGMAPS}?limit=2&{selector}", code=200)
    assert first["metadata"]["remainingItemCount"] == 1
    token = first["metadata"]["continue"]
    rest = await plane.call("GET", f"{CONFIGMAPS}?limit=2&{selector}&continue={token}", code=200)
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == ["a", "b", "c"]


async def test_selectors(plane):
    for name in ("a", "b"):
        await plane.call("POST", PODS, pod(name), code=201)

    async def names(query):
        found = await plane.call("GET", f"{PODS}?{query}", code=200)
        return [item["metadata"]["name"] for item in found["items"]]

    assert await names("labelSelector=app%20in%20(a,x)") == ["a"]
    assert await names("labelSelector=app!=a") == ["b"]
    assert await names("labelSelector=!app") == []
    assert await names("fieldSelector=metadata.name=b,status.phase!=Failed") == ["b"]
    answer = await plane.call("GET", f"{PODS}?fieldSelector=spec.color=red", code=400)
    assert answer["message"] == "field label not supported: spec.color"


async def test_services_get_an_address_and_keep_it(plane):
    made = await plane.call("POST", SERVICES, service(), code=201)
    address = made["spec"]["clusterIP"]
    assert address.startswith("10.96.") and made["spec"]["clusterIPs"] == [address]
    again = await plane.call("PUT", f"{SERVICES}/shop", service(sessionAffinity="ClientIP"), code=200)
    assert again["spec"]["clusterIP"] == address
    moved = service(clusterIP="10.96.9.9")
    answer = await plane.call("PUT", f"{SERVICES}/shop", moved, code=422)
    assert "may not change once set" in answer["message"]


async def test_a_taken_or_foreign_address_is_refused(plane):
    await plane.call("POST", SERVICES, service("one", clusterIP="10.96.7.7"), code=201)
    taken = await plane.call("POST", SERVICES, service("two", clusterIP="10.96.7.7"), code=422)
    assert "provided IP is already allocated" in taken["message"]
    foreign = await plane.call("POST", SERVICES, service("two", clusterIP="192.0.2.1"), code=422)
    assert "the provided network does not match the current range" in foreign["message"]


async def test_the_range_of_services_can_be_read_and_not_changed(plane):
    ranges = "/apis/networking.k8s.io/v1/servicecidrs"
    (found,) = (await plane.call("GET", ranges, code=200))["items"]
    assert (found["metadata"]["name"], found["spec"]["cidrs"]) == ("kubernetes", ["10.96.0.0/16"])
    assert {each["type"]: each["status"] for each in found["status"]["conditions"]} == {"Ready": "True"}
    await plane.call("DELETE", f"{ranges}/kubernetes", code=405)


async def test_node_ports_are_given_and_checked(plane):
    made = await plane.call("POST", SERVICES, service("one", type="NodePort"), code=201)
    assert 30000 <= made["spec"]["ports"][0]["nodePort"] <= 32767
    wanted = service("two", type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    answer = await plane.call("POST", SERVICES, wanted, code=422)
    assert "The range of valid ports is 30000-32767" in answer["message"]


async def test_delete_answers_with_status_or_object(plane):
    made = await plane.call("POST", CONFIGMAPS, config_map(), code=201)
    gone = await plane.call("DELETE", f"{CONFIGMAPS}/c1", code=200)
    assert (gone["status"], gone["details"]["uid"]) == ("Success", made["metadata"]["uid"])
    await plane.call("POST", SERVICES, service(), code=201)
    assert (await plane.call("DELETE", f"{SERVICES}/shop", code=200))["kind"] == "Service"


async def test_a_wrong_precondition_saves_the_object(plane):
    await plane.call("POST", CONFIGMAPS, config_map(), code=201)
    options = {"preconditions": {"uid": "another"}}
    answer = await plane.call("DELETE", f"{CONFIGMAPS}/c1", options, code=409)
    assert "Precondition failed: UID in precondition: another" in answer["message"]


async def test_deletecollection_takes_a_selector(plane):
    for name in ("a", "b"):
        await plane.call("POST", PODS, pod(name, nodeName="nowhere"), code=201)
    await plane.call("DELETE", f"{PODS}?labelSelector=app=a&gracePeriodSeconds=0", code=200)
    left = await plane.call("GET", PODS, code=200)
    assert [item["metadata"]["name"] for item in left["items"]] == ["b"]


async def test_scale_reads_and_sets_replicas(plane):
    await plane.call("POST", DEPLOYMENTS, deployment(replicas=2), code=201)
    scale = await plane.call("GET", f"{DEPLOYMENTS}/shop/scale", code=200)
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 2},
        "app=shop",
    )
    scale["spec"]["replicas"] = 0
    scale["metadata"].pop("resourceVersion")
    await plane.call("PUT", f"{DEPLOYMENTS}/shop/scale", scale, code=200)
    assert (await plane.call("GET", f"{DEPLOYMENTS}/shop", code=200))["spec"]["replicas"] == 0


async def test_eviction_deletes_the_pod(plane):
    await plane.call("POST", PODS, pod(), code=201)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    await plane.call("POST", f"{PODS}/web/eviction?dryRun=All", eviction, code=201)
    await plane.call("GET", f"{PODS}/web", code=200)
    await plane.call("POST", f"{PODS}/web/eviction", eviction, code=201)
    pod_now = plane.store.find("pods", "default", "web")
    assert pod_now is None or pod_now["metadata"]["deletionTimestamp"]


async def test_what_is_not_there_yet_says_so(plane):
    mounted = pod(volumes=[{"name": "v", "hostPath": {"path": "/"}}])
    host = await plane.call("POST", PODS, mounted, code=422)
    assert "it would show the machine that runs the cluster" in host["message"]


async def test_a_field_without_effect_is_named_in_a_warning(plane):
    body = pod(setHostnameAsFQDN=True)
    async with plane.session.post(plane.url + PODS, json=body) as answer:
        assert answer.status == 201
        assert answer.headers["Warning"] == '299 - "spec.setHostnameAsFQDN has no effect in netlab"'


async def test_string_data_of_a_secret_is_stored_encoded(plane):
    body = {"metadata": {"name": "s"}, "stringData": {"p": "w"}, "data": {"q": "eA=="}}
    made = await plane.call("POST", f"{NAMESPACE}/secrets", body, code=201)
    assert made["data"] == {"p": "dw==", "q": "eA=="} and "stringData" not in made


async def test_events_can_be_written_and_patched_in_the_new_dialect(plane):
    path = "/apis/events.k8s.io/v1/namespaces/default/events"
    about = {"kind": "Pod", "name": "web", "namespace": "default"}
    event = {
        "metadata": {"name": "e"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "regarding": about,
        "note": "a",
    }
    await plane.call("POST", path, event, code=201)
    headers = {"Content-Type": "application/merge-patch+json"}
    patched = await plane.call("PATCH", f"{path}/e", {"note": "b"}, code=200, headers=headers)
    assert (patched["note"], patched["regarding"]["name"]) == ("b", "web")
    old = await plane.call("GET", f"{NAMESPACE}/events/e", code=200)
    assert (old["message"], old["involvedObject"]["name"]) == ("b", "web")


@pytest.mark.parametrize("name", ["default", "kube-public", "kube-system"])
async def test_a_namespace_of_the_system_may_not_be_deleted(plane, name):
    answer = await plane.call("DELETE", f"/api/v1/namespaces/{name}", code=403)
    assert answer["message"] == f'namespaces "{name}" is forbidden: this namespace may not be deleted'


async def test_a_stale_update_is_told_so_before_what_is_wrong_with_it(plane):
    made = await plane.call("POST", DEPLOYMENTS, deployment(), code=201)
    made["metadata"]["resourceVersion"] = "1"
    made["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    assert (await plane.call("PUT", f"{DEPLOYMENTS}/shop", made, code=409))["reason"] == "Conflict"


async def test_an_address_that_changes_is_refused_before_it_is_looked_for(plane):
    made = await plane.call("POST", f"{NAMESPACE}/services", service(), code=201)
    made["spec"]["clusterIP"] = "10.0.0.12"
    answer = await plane.call("PUT", f"{NAMESPACE}/services/{made['metadata']['name']}", made, code=422)
    assert "spec.clusterIPs[0]" in answer["message"] and "may not change once set" in answer["message"]
