import pytest

from .worlds import CONFIGMAPS, DEPLOYMENTS, NAMESPACE, PODS, config_map, deployment, pod


async def test_strict_refuses_unknown_fields_in_kubernetes_words(plane):
    body = deployment()
    body["spec"]["template"]["spec"]["containers"][0]["imagge"] = "x"
    body["spec"] = {"replicaz": 3, **body["spec"]}
    answer = await plane.call("POST", f"{DEPLOYMENTS}?fieldValidation=Strict", body, code=400)
    assert answer["message"] == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error:'
        ' unknown field "spec.replicaz", unknown field "spec.template.spec.containers[0].imagge"'
    )


async def test_by_default_unknown_fields_are_warned_about_and_dropped(plane):
    body = {**config_map(a="1"), "colour": "red"}
    async with plane.session.post(plane.url + CONFIGMAPS, json=body) as answer:
        assert answer.headers["Warning"] == '299 - "unknown field \\"colour\\""'
        assert "colour" not in await answer.json()


async def test_ignore_says_nothing(plane):
    body = {**config_map(a="1"), "colour": "red"}
    async with plane.session.post(plane.url + CONFIGMAPS + "?fieldValidation=Ignore", json=body) as answer:
        assert answer.status == 201 and "Warning" not in answer.headers


async def test_a_key_given_twice_is_found(plane):
    text = '{"metadata":{"name":"c1"},"data":{"a":"1","a":"2"}}'
    url = f"{plane.url}{CONFIGMAPS}?fieldValidation=Strict"
    async with plane.session.post(url, data=text, headers={"Content-Type": "application/json"}) as answer:
        assert 'duplicate field "data.a"' in (await answer.json())["message"]


async def test_a_wrong_type_is_a_bad_request_even_if_ignored(plane):
    body = {"metadata": {"name": "s"}, "spec": {"ports": [{"port": "80"}]}}
    answer = await plane.call("POST", f"{NAMESPACE}/services?fieldValidation=Ignore", body, code=400)
    assert answer["message"] == (
        'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into'
        " Go struct field ServicePort.spec.ports.port of type int32"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"containers": [{"image": "busybox"}]}, "spec.containers[0].name: Required value"),
        ({"containers": [{"name": "a"}]}, "spec.containers[0].image: Required value"),
        ({"containers": []}, "spec.containers: Required value"),
        ({"restartPolicy": "Maybe"}, 'spec.restartPolicy: Unsupported value: "Maybe": supported values:'),
        ({"volumes": [{"name": "v"}, {"name": "v"}]}, 'spec.volumes[1].name: Duplicate value: "v"'),
    ],
)
async def test_an_invalid_pod_is_told_what_is_wrong(plane, change, told):
    answer = await plane.call("POST", PODS, pod(**change), code=422)
    assert answer["reason"] == "Invalid" and answer["message"].startswith('Pod "web" is invalid: ')
    assert told in answer["message"]
    assert answer["details"]["causes"][0]["field"] in told


async def test_a_mount_needs_its_volume(plane):
    mounts = [{"name": "ghost", "mountPath": "/x"}]
    containers = [{"name": "a", "image": "busybox", "volumeMounts": mounts}]
    answer = await plane.call("POST", PODS, pod(containers=containers), code=422)
    assert 'spec.containers[0].volumeMounts[0].name: Not found: "ghost"' in answer["message"]


async def test_a_selector_must_fit_the_template_and_stay(plane):
    body = deployment()
    body["spec"]["selector"]["matchLabels"] = {"app": "other"}
    answer = await plane.call("POST", DEPLOYMENTS, body, code=422)
    assert "`selector` does not match template `labels`" in answer["message"]
    await plane.call("POST", DEPLOYMENTS, deployment(), code=201)
    changed = deployment()
    changed["spec"]["selector"]["matchLabels"] = {"app": "b"}
    changed["spec"]["template"]["metadata"]["labels"] = {"app": "b"}
    answer = await plane.call("PUT", f"{DEPLOYMENTS}/shop", changed, code=422)
    assert "spec.selector: Invalid value" in answer["message"]
    assert "field is immutable" in answer["message"]


async def test_a_running_pod_cannot_be_rebuilt(plane):
    made = await plane.call("POST", PODS, pod(), code=201)
    made["metadata"].pop("resourceVersion")
    made["spec"]["containers"][0]["image"] = "busybox:1.37"
    made["spec"].pop("nodeName", None)
    current = await plane.call("GET", f"{PODS}/web", code=200)
    current["spec"]["containers"][0]["image"] = "busybox:1.37"
    current["metadata"].pop("resourceVersion")
    await plane.call("PUT", f"{PODS}/web", current, code=200)
    current["spec"]["containers"][0]["command"] = ["sh"]
    answer = await plane.call("PUT", f"{PODS}/web", current, code=422)
    assert "pod updates may not change fields other than" in answer["message"]


async def test_names_follow_rfc_1123(plane):
    answer = await plane.call("POST", CONFIGMAPS, config_map("Bad_Name"), code=422)
    assert "a lowercase RFC 1123 subdomain must consist of" in answer["message"]


async def test_yaml_bodies_are_read(plane):
    text = "metadata: {name: y}\ndata: {when: '2020-01-01'}\n"
    url = plane.url + CONFIGMAPS
    async with plane.session.post(url, data=text, headers={"Content-Type": "application/yaml"}) as answer:
        assert (await answer.json())["data"] == {"when": "2020-01-01"}


async def test_other_media_types_are_refused(plane):
    url = plane.url + CONFIGMAPS
    async with plane.session.post(url, data=b"x", headers={"Content-Type": "application/cbor"}) as answer:
        assert answer.status == 415
        assert (await answer.json())["reason"] == "UnsupportedMediaType"


async def test_rubbish_is_a_bad_request(plane):
    for body in (b"{", b"[]", b"\xff\xfe", b"[" * 100_000):
        headers = {"Content-Type": "application/json"}
        async with plane.session.post(plane.url + CONFIGMAPS, data=body, headers=headers) as answer:
            assert answer.status == 400, body[:10]


async def test_texts_with_a_form_are_read(plane):
    secret = {"metadata": {"name": "s"}, "data": {"p": "not base64!"}}
    answer = await plane.call("POST", f"{NAMESPACE}/secrets", secret, code=400)
    assert "illegal base64 data at input byte 3" in answer["message"]
    lease = {"metadata": {"name": "l"}, "spec": {"renewTime": "yesterday"}}
    path = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
    answer = await plane.call("POST", path, lease, code=400)
    assert 'parsing time "yesterday"' in answer["message"]


async def test_an_owner_must_be_named_in_full(plane):
    body = config_map()
    body["metadata"]["ownerReferences"] = [{"kind": "Pod", "name": "x"}]
    answer = await plane.call("POST", CONFIGMAPS, body, code=422)
    assert "metadata.ownerReferences[0].uid: Required value" in answer["message"]


async def test_only_a_pods_own_safe_kernel_settings_may_be_set(plane):
    def tuned(name, **spec):
        return pod("tuned", securityContext={"sysctls": [{"name": name, "value": "1"}]}, **spec)

    refused = await plane.call("POST", PODS, tuned("kernel.panic"), code=422)
    assert "none of a pod's own settings that are safe" in refused["message"]
    refused = await plane.call("POST", PODS, tuned("net.ipv4.tcp_syncookies", hostNetwork=True), code=422)
    assert "not allowed with hostNet" in refused["message"]
    await plane.call("POST", PODS, tuned("net.ipv4.tcp_syncookies"), code=201)


async def test_a_null_in_a_list_or_a_map_is_the_zero_of_its_type(plane):
    body = pod("web")
    body["spec"]["containers"][0] |= {"args": [None], "resources": {"requests": {"cpu": None}}, "tty": None}
    container = (await plane.call("POST", PODS, body, code=201))["spec"]["containers"][0]
    assert container["args"] == [""] and container["resources"]["requests"] == {"cpu": "0"}
    assert "tty" not in container
