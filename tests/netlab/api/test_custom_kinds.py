"""CustomResourceDefinitions: what they define is served like any kind, from the next request on."""

import asyncio
import json

import pytest

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
POOLS = "/apis/example.org/v1/namespaces/default/pools"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
SPEC = {
    "type": "object",
    "required": ["addresses"],
    "properties": {
        "addresses": {"type": "array", "items": {"type": "string", "pattern": "^[0-9./-]+$"}, "minItems": 1},
        "size": {"type": "integer", "minimum": 1, "default": 3},
        "mode": {"type": "string", "enum": ["L2", "BGP"]},
        "port": {"x-kubernetes-int-or-string": True},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "parts": {
            "type": "array",
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string"}, "weight": {"type": "integer"}},
            },
        },
    },
    "x-kubernetes-validations": [
        {"rule": "!has(self.size) || self.size < 10", "message": "at most nine"},
        {"rule": "self.addresses == oldSelf.addresses", "message": "addresses stay"},
    ],
}


def definition(**version) -> dict:
    schema = {
        "type": "object",
        "properties": {
            "spec": SPEC,
            "status": {"type": "object", "properties": {"ready": {"type": "integer"}}},
        },
    }
    first = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {
            "status": {},
            "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.ready"},
        },
        "additionalPrinterColumns": [
            {"name": "Mode", "type": "string", "jsonPath": ".spec.mode"},
            {"name": "First", "type": "string", "jsonPath": ".spec.addresses[0]", "priority": 1},
            {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        ],
        **version,
    }
    names = {"kind": "Pool", "plural": "pools", "shortNames": ["po1"], "categories": ["all"]}
    spec = {"group": "example.org", "scope": "Namespaced", "names": names, "versions": [first]}
    return {"metadata": {"name": "pools.example.org"}, "spec": spec}


def pool(name="a", **spec) -> dict:
    return {"metadata": {"name": name}, "spec": {"addresses": ["10.0.0.1"], **spec}}


@pytest.fixture
async def defined(plane):
    await plane.call("POST", DEFINITIONS, definition(), code=201)
    return plane


async def test_a_kind_is_there_with_the_next_request_and_its_defaults_are_filled_in(defined):
    made = await defined.call("POST", POOLS, pool(), code=201)
    assert (made["apiVersion"], made["kind"]) == ("example.org/v1", "Pool")
    assert made["spec"] == {"addresses": ["10.0.0.1"], "size": 3}
    assert made["metadata"]["generation"] == 1
    listed = await defined.call("GET", POOLS, code=200)
    assert listed["kind"] == "PoolList"
    assert [one["metadata"]["name"] for one in listed["items"]] == ["a"]


async def test_discovery_and_openapi_tell_of_it(defined):
    before = (await defined.call("GET", "/openapi/v3"))["paths"]["apis/example.org/v1"]["serverRelativeURL"]
    told = await defined.call("GET", "/apis/example.org/v1", code=200)
    assert [one["name"] for one in told["resources"]] == ["pools", "pools/scale", "pools/status"]
    document = await defined.call("GET", before, code=200)
    schema = document["components"]["schemas"]["org.example.v1.Pool"]
    assert schema["x-kubernetes-group-version-kind"] == [
        {"group": "example.org", "version": "v1", "kind": "Pool"}
    ]
    changed = definition()
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["description"] = "another"
    await defined.call("PUT", f"{DEFINITIONS}/pools.example.org", changed, code=200)
    after = (await defined.call("GET", "/openapi/v3"))["paths"]["apis/example.org/v1"]["serverRelativeURL"]
    assert before != after


async def test_a_definition_names_one_object_and_many_as_it_likes(plane):
    odd = definition()
    odd["spec"]["names"] |= {"singular": "basin", "listKind": "PoolsOfAll"}
    await plane.call("POST", DEFINITIONS, odd, code=201)
    told = await plane.call("GET", "/apis/example.org/v1", code=200)
    assert told["resources"][0]["singularName"] == "basin"
    assert (await plane.call("GET", POOLS, code=200))["kind"] == "PoolsOfAll"


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"addresses": None}, "spec.addresses: Required value"),
        (
            {"size": "x"},
            'spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"',
        ),
        ({"size": 0}, "spec.size: Invalid value: 0: spec.size in body should be greater than or equal to 1"),
        ({"mode": "RIP"}, 'spec.mode: Unsupported value: "RIP": supported values: "BGP", "L2"'),
        ({"addresses": ["x"]}, "spec.addresses[0] in body should match '^[0-9./-]+$'"),
        ({"addresses": []}, "spec.addresses in body should have at least 1 items"),
        ({"port": True}, "spec.port in body must be of type integer,string"),
        ({"size": 12}, "at most nine"),
    ],
)
async def test_what_the_schema_forbids_is_refused_in_kubernetes_words(defined, spec, message):
    refused = await defined.call("POST", POOLS, pool(**spec), code=422)
    assert refused["message"].startswith('Pool.example.org "a" is invalid: ')
    assert message in refused["message"]


async def test_unknown_fields_are_pruned_but_where_they_are_preserved(defined):
    made = await defined.call("POST", POOLS, pool(nope=1, free={"any": {"thing": 1}}), code=201)
    assert made["spec"] == {"addresses": ["10.0.0.1"], "size": 3, "free": {"any": {"thing": 1}}}
    strict = await defined.call("POST", f"{POOLS}?fieldValidation=Strict", pool("b", nope=1), code=400)
    assert 'unknown field "spec.nope"' in strict["message"]


async def test_a_rule_about_a_change_is_asked_on_changes_only(defined):
    await defined.call("POST", POOLS, pool(), code=201)
    refused = await defined.call("PUT", f"{POOLS}/a", pool(addresses=["10.0.0.2"]), code=422)
    assert "addresses stay" in refused["message"]


async def test_status_and_scale_are_doors_of_their_own(defined):
    await defined.call("POST", POOLS, {**pool(), "status": {"ready": 7}}, code=201)
    assert "status" not in await defined.call("GET", f"{POOLS}/a")
    body = {**pool(), "status": {"ready": 2}}
    await defined.call("PUT", f"{POOLS}/a/status", body, code=200)
    merge = {"Content-Type": "application/merge-patch+json"}
    scaled = await defined.call("PATCH", f"{POOLS}/a/scale", {"spec": {"replicas": 5}}, headers=merge)
    assert (scaled["spec"]["replicas"], scaled["status"]["replicas"]) == (5, 2)
    now = await defined.call("GET", f"{POOLS}/a")
    assert (now["spec"]["size"], now["metadata"]["generation"]) == (5, 2)


async def test_columns_are_the_definitions(defined):
    await defined.call("POST", POOLS, pool(mode="L2"), code=201)
    table = await defined.call("GET", POOLS, headers=TABLE)
    assert [c["name"] for c in table["columnDefinitions"]] == ["Name", "Mode", "First", "Age"]
    assert table["rows"][0]["cells"][:3] == ["a", "L2", "10.0.0.1"]


async def test_lists_with_keys_merge_under_server_side_apply(defined):
    apply = {"Content-Type": "application/apply-patch+yaml"}

    async def say(manager: str, name: str) -> dict:
        part = {**pool(parts=[{"name": name, "weight": 1}]), "apiVersion": "example.org/v1", "kind": "Pool"}
        return await defined.call("PATCH", f"{POOLS}/a?fieldManager={manager}", part, headers=apply)

    await say("one", "x")
    assert [part["name"] for part in (await say("two", "y"))["spec"]["parts"]] == ["x", "y"]


async def test_a_strategic_patch_is_refused_and_a_merge_patch_taken(defined):
    await defined.call("POST", POOLS, pool(), code=201)
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    await defined.call("PATCH", f"{POOLS}/a", {"spec": {"size": 4}}, headers=strategic, code=415)
    merge = {"Content-Type": "application/merge-patch+json"}
    merged = await defined.call("PATCH", f"{POOLS}/a", {"spec": {"size": 4}}, headers=merge, code=200)
    assert merged["spec"]["size"] == 4


async def test_each_version_is_served_from_what_is_stored(plane):
    two = definition()
    second = {**two["spec"]["versions"][0], "name": "v2", "storage": False}
    two["spec"]["versions"].append(second)
    await plane.call("POST", DEFINITIONS, two, code=201)
    await plane.call("POST", POOLS, pool(), code=201)
    seen = await plane.call("GET", POOLS.replace("v1", "v2") + "/a", code=200)
    assert seen["apiVersion"] == "example.org/v2"
    assert plane.store.get("pools.example.org", "default", "a")["apiVersion"] == "example.org/v1"


async def until(plane, enough) -> None:
    async with plane.store.watch(since=0) as changes:
        while not enough():
            await asyncio.wait_for(anext(changes), 5)


def condition(plane, name: str, kind: str) -> str:
    crd = plane.store.find("customresourcedefinitions.apiextensions.k8s.io", None, name)
    found = crd.get("status", {}).get("conditions", [])
    return next((c["status"] for c in found if c["type"] == kind), "")


async def test_a_definition_is_established_and_takes_its_objects_along(defined):
    await until(defined, lambda: condition(defined, "pools.example.org", "Established") == "True")
    await defined.call("POST", POOLS, pool(), code=201)
    await defined.call("DELETE", f"{DEFINITIONS}/pools.example.org", code=200)
    await until(defined, lambda: not defined.store.list("customresourcedefinitions.apiextensions.k8s.io"))
    assert defined.store.list("pools.example.org") == []
    await defined.call("GET", POOLS, code=404)


async def test_a_name_that_is_taken_is_not_accepted(defined):
    other = definition()
    other["spec"]["names"] = {"kind": "Pool", "plural": "puddles"}
    other["metadata"]["name"] = "puddles.example.org"
    await defined.call("POST", DEFINITIONS, other, code=201)
    await until(defined, lambda: condition(defined, "puddles.example.org", "NamesAccepted") == "False")
    await defined.call("GET", POOLS.replace("pools", "puddles"), code=404)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scope": "Cluster", "group": "other.org"}, 'must be spec.names.plural+"."+spec.group'),
        ({"versions": []}, "must have at least one version"),
        ({"conversion": {"strategy": "Webhook"}}, "conversion by webhooks is not available"),
    ],
)
async def test_an_invalid_definition_is_told_what_is_wrong(plane, change, message):
    crd = definition()
    crd["spec"] |= change
    refused = await plane.call("POST", DEFINITIONS, crd, code=422)
    assert message in refused["message"]


async def test_a_schema_must_be_structural_and_its_rules_compile(plane):
    schema = {"type": "object", "properties": {"spec": {"properties": {}}}}
    refused = await plane.call("POST", DEFINITIONS, definition(schema={"openAPIV3Schema": schema}), code=422)
    assert "properties[spec].type: Required value" in refused["message"]
    schema["properties"]["spec"] = {"type": "object", "x-kubernetes-validations": [{"rule": "self +"}]}
    refused = await plane.call("POST", DEFINITIONS, definition(schema={"openAPIV3Schema": schema}), code=422)
    assert "compilation failed" in refused["message"]


async def test_a_kind_called_like_a_built_in_one_is_not_taken_for_it(plane):
    crd = definition()
    crd["spec"]["names"] = {"kind": "Service", "plural": "services"}
    crd["metadata"]["name"] = "services.example.org"
    await plane.call("POST", DEFINITIONS, crd, code=201)
    path = POOLS.replace("pools", "services")
    made = await plane.call("POST", path, pool(), code=201)
    assert made["spec"] == {"addresses": ["10.0.0.1"], "size": 3}
    table = await plane.call("GET", path, headers=TABLE)
    assert table["columnDefinitions"][1]["name"] == "Mode"


async def test_kubectl_applies_explains_and_waits(plane):
    crd = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", **definition()}
    await plane.kubectl("apply", "-f", "-", stdin=json.dumps(crd))
    await plane.kubectl("wait", "--for=condition=Established", "crd/pools.example.org", "--timeout=10s")
    one = {"apiVersion": "example.org/v1", "kind": "Pool", **pool(mode="BGP")}
    assert "created" in await plane.kubectl("apply", "-f", "-", stdin=json.dumps(one))
    assert "unchanged" in await plane.kubectl("apply", "-f", "-", stdin=json.dumps(one))
    assert "BGP" in await plane.kubectl("get", "po1")
    assert "addresses" in await plane.kubectl("explain", "pools.spec")


def with_rules(*rules: dict, **properties) -> dict:
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": properties}},
        "x-kubernetes-validations": list(rules),
    }
    return definition(schema={"openAPIV3Schema": schema}, additionalPrinterColumns=[], subresources={})


async def test_a_rule_at_the_root_reads_the_name(plane):
    rule = {"rule": "self.metadata.name.startsWith('a')", "message": "begins with a"}
    crd = with_rules(rule, addresses={"type": "array", "items": {"type": "string"}})
    await plane.call("POST", DEFINITIONS, crd, code=201)
    await plane.call("POST", POOLS, pool("all"), code=201)
    refused = await plane.call("POST", POOLS, pool("ball"), code=422)
    assert "begins with a" in refused["message"]


async def test_items_of_a_keyed_list_are_compared_with_what_they_were(plane):
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "size": {"type": "integer"}},
        "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "only grows"}],
    }
    keyed = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}
    await plane.call(
        "POST", DEFINITIONS, with_rules(parts={"type": "array", "items": item, **keyed}), code=201
    )

    def parts(*sizes: tuple) -> dict:
        listed = [{"name": name, "size": size} for name, size in sizes]
        return {"metadata": {"name": "a"}, "spec": {"parts": listed}}

    await plane.call("POST", POOLS, parts(("x", 2), ("y", 5)), code=201)
    await plane.call("PUT", f"{POOLS}/a", parts(("y", 6), ("z", 1)), code=200)
    refused = await plane.call("PUT", f"{POOLS}/a", parts(("y", 3)), code=422)
    assert "only grows" in refused["message"]


async def test_a_version_that_was_stored_stays(defined):
    await until(defined, lambda: condition(defined, "pools.example.org", "Established") == "True")
    renamed = definition(name="v2")
    refused = await defined.call("PUT", f"{DEFINITIONS}/pools.example.org", renamed, code=422)
    assert "status.storedVersions[0]" in refused["message"]
    assert "missing from spec.versions" in refused["message"]


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ({"type": "integer", "default": "x"}, "spec].properties[it].default: Invalid value"),
        (
            {"type": "array", "items": {"type": "object"}, "x-kubernetes-list-type": "map"},
            "x-kubernetes-list-map-keys: Required value",
        ),
    ],
)
async def test_a_schema_that_contradicts_itself_is_refused(plane, schema, message):
    refused = await plane.call("POST", DEFINITIONS, with_rules(it=schema), code=422)
    assert message in refused["message"]


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        ({"type": "string", "format": "date-time"}, "2026-11-25T00:00:00.5Z", "yesterday"),
        ({"type": "integer", "format": "int32"}, 2**31 - 1, 2**31),
        ({"type": "string", "format": "cidr"}, "10.0.0.0/8", "10.0.0.0"),
        ({"type": "string", "format": "duration"}, "1h30m", "soon"),
        ({"type": "string", "format": "byte"}, "aGk=", "h!"),
    ],
)
async def test_a_format_is_checked(plane, schema, good, bad):
    await plane.call("POST", DEFINITIONS, with_rules(it=schema), code=201)
    await plane.call("POST", POOLS, {"metadata": {"name": "good"}, "spec": {"it": good}}, code=201)
    refused = await plane.call("POST", POOLS, {"metadata": {"name": "bad"}, "spec": {"it": bad}}, code=422)
    told = f"spec.it in body must be of type {schema['format']}: {json.dumps(bad)}"
    assert told in refused["message"]


async def test_a_schema_may_require_metadata_and_bound_the_name(plane):
    crd = with_rules(size={"type": "integer"})
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["required"] = ["metadata"]
    names = {"name": {"type": "string", "maxLength": 3}}
    schema["properties"]["metadata"] = {"type": "object", "properties": names}
    await plane.call("POST", DEFINITIONS, crd, code=201)
    await plane.call("POST", POOLS, {"metadata": {"name": "abc"}}, code=201)
    refused = await plane.call("POST", POOLS, {"metadata": {"name": "abcd"}}, code=422)
    assert "metadata.name in body should be at most 3 chars long" in refused["message"]


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ({}, '299 - "example.org/v1 Pool is deprecated"'),
        ({"deprecationWarning": "use v2"}, '299 - "use v2"'),
    ],
)
async def test_a_deprecated_version_warns_whoever_uses_it(plane, extra, told):
    await plane.call("POST", DEFINITIONS, definition(deprecated=True, **extra), code=201)
    async with plane.session.get(plane.url + POOLS) as listed:
        assert listed.headers.getall("Warning") == [told]


async def test_a_version_is_stored_until_somebody_says_it_is_not(plane):
    two = definition()
    two["spec"]["versions"].append({**two["spec"]["versions"][0], "name": "v2", "storage": False})
    await plane.call("POST", DEFINITIONS, two, code=201)
    await until(plane, lambda: condition(plane, "pools.example.org", "Established") == "True")
    for version in two["spec"]["versions"]:
        version["storage"] = version["name"] == "v2"
    path = f"{DEFINITIONS}/pools.example.org"
    await plane.call("PUT", path, two, code=200)

    def stored() -> list[str]:
        (crd,) = plane.store.list("customresourcedefinitions.apiextensions.k8s.io")
        return crd["status"]["storedVersions"]

    await until(plane, lambda: stored() == ["v1", "v2"])
    merge = {"Content-Type": "application/merge-patch+json"}
    await plane.call(
        "PATCH", f"{path}/status", {"status": {"storedVersions": ["v2"]}}, headers=merge, code=200
    )
    del two["spec"]["versions"][0]
    await plane.call("PUT", path, two, code=200)
