import json

import pytest

from netlab.schema.kinds import KINDS

from .worlds import DEPLOYMENTS, PODS, deployment, pod

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def test_both_forms_of_discovery_tell_the_same(plane):
    async def aggregated(path):
        async with plane.session.get(plane.url + path, headers={"Accept": AGGREGATED}) as answer:
            assert answer.headers["Content-Type"] == AGGREGATED
            return (await answer.json())["items"]

    found = {
        (group["metadata"].get("name", ""), resource["resource"])
        for group in await aggregated("/api") + await aggregated("/apis")
        for version in group["versions"]
        for resource in version["resources"]
    }
    assert found == {(kind.group, kind.plural) for kind in KINDS}
    core = await plane.call("GET", "/api/v1", code=200)
    assert {"pods", "pods/exec", "serviceaccounts/token"} <= {entry["name"] for entry in core["resources"]}


async def test_old_clients_get_the_legacy_form(plane):
    headers = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"}
    assert (await plane.call("GET", "/api", headers=headers))["kind"] == "APIVersions"
    assert (await plane.call("GET", "/apis/"))["kind"] == "APIGroupList"
    assert (await plane.call("GET", "/version/"))["gitVersion"] == "v1.36.0+netlab"


async def test_requests_are_counted_as_a_real_api_server_counts_them(plane):
    await plane.call("GET", "/api/v1/namespaces/default/pods", code=200)
    await plane.call("GET", "/api/v1/namespaces/default/pods/nobody", code=404)
    async with plane.session.get(plane.url + "/metrics") as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        told = await answer.text()
    pods = 'component="apiserver",group="",resource="pods",scope='
    assert (
        f'apiserver_request_total{{code="200",{pods}"namespace",subresource="",verb="LIST",version="v1"}} 1'
        in told
    )
    assert (
        f'apiserver_request_total{{code="404",{pods}"resource",subresource="",verb="GET",version="v1"}} 1'
        in told
    )


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
async def test_health(plane, path):
    async with plane.session.get(plane.url + path) as answer:
        assert await answer.text() == "ok"


async def test_openapi_names_every_kind_with_its_schema(plane):
    index = await plane.call("GET", "/openapi/v3", code=200)
    for path, entry in index["paths"].items():
        document = await plane.call("GET", entry["serverRelativeURL"], code=200)
        schemas = document["components"]["schemas"]
        for operations in document["paths"].values():
            assert "fieldValidation" in {p["name"] for p in operations["patch"]["parameters"]}
            content = operations["get"]["responses"]["200"]["content"]
            assert content["application/json"]["schema"]["$ref"].rpartition("/")[2] in schemas, path
        assert set(_references(document)) <= {f"#/components/schemas/{name}" for name in schemas}


def _references(node):
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [ref for value in node.values() for ref in _references(value)]
    return [ref for item in node for ref in _references(item)] if isinstance(node, list) else []


async def test_pods_print_as_kubectl_users_know_them(plane):
    async with plane.store.watch("pods") as changes:
        await plane.call("POST", PODS, pod(), code=201)
        async for change in changes:
            if change.object["status"]["phase"] == "Running":
                break
    table = await plane.call("GET", PODS, headers={"Accept": TABLE})
    cells = dict(zip([c["name"] for c in table["columnDefinitions"]], table["rows"][0]["cells"], strict=True))
    assert (cells["Name"], cells["Ready"], cells["Status"], cells["Restarts"]) == (
        "web",
        "1/1",
        "Running",
        "0",
    )
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_a_table_can_carry_the_object_or_nothing(plane):
    await plane.call("POST", DEPLOYMENTS, deployment(), code=201)

    async def row(include):
        table = await plane.call("GET", f"{DEPLOYMENTS}?includeObject={include}", headers={"Accept": TABLE})
        return table["rows"][0]

    assert (await row("Object"))["object"]["kind"] == "Deployment"
    assert "object" not in await row("None")


async def test_events_speak_both_dialects(plane):
    await plane.call("POST", PODS, pod(), code=201)
    async with plane.store.watch("events", since=0) as changes:
        await anext(changes)
    new = await plane.call("GET", "/apis/events.k8s.io/v1/namespaces/default/events", code=200)
    old = await plane.call("GET", "/api/v1/namespaces/default/events", code=200)
    assert new["items"][0]["note"] == old["items"][0]["message"]
    assert new["items"][0]["regarding"] == old["items"][0]["involvedObject"]


async def test_answers_are_written_as_go_writes_them(plane):
    async with plane.session.get(plane.url + "/api/v1/namespaces/none") as answer:
        raw = await answer.read()
    assert raw.endswith(b"}\n") and raw == json.dumps(json.loads(raw), separators=(",", ":")).encode() + b"\n"


async def test_a_hash_tells_in_what_form_objects_are_stored(plane):
    async def hashes(path):
        resources = (await plane.call("GET", path))["resources"]
        return {entry["name"]: entry.get("storageVersionHash") for entry in resources}

    core = await hashes("/api/v1")
    assert core["pods"] == "xPOwRZ+Yhw8="  # what every real API server says
    assert core["pods/status"] is None
    assert (await hashes("/apis/events.k8s.io/v1"))["events"] == core["events"]


async def test_a_scale_has_a_table_of_its_own(plane):
    await plane.call("POST", DEPLOYMENTS, deployment(replicas=3), code=201)
    table = await plane.call("GET", f"{DEPLOYMENTS}/shop/scale", headers={"Accept": TABLE}, code=200)
    assert [column["name"] for column in table["columnDefinitions"]] == [
        "Name",
        "Desired",
        "Available",
        "Age",
    ]
    assert table["rows"][0]["cells"][:3] == ["shop", 3, 0]
