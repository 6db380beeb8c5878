"""Ingresses and their classes as the API takes and shows them."""

import pytest

INGRESSES = "/apis/networking.k8s.io/v1/namespaces/default/ingresses"
CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
SHOP = {"service": {"name": "shop", "port": {"number": 80}}}


def ingress(*paths: dict, name="shop", **spec) -> dict:
    rule = {"host": "shop.example", "http": {"paths": list(paths)}}
    return {"metadata": {"name": name}, "spec": {"rules": [rule], **spec}}


def path(text="/", kind="Prefix", backend=SHOP) -> dict:
    return {"path": text, "pathType": kind, "backend": backend}


async def test_an_ingress_is_kept_and_its_status_has_a_door_of_its_own(plane):
    made = await plane.call("POST", INGRESSES, ingress(path(), ingressClassName="nginx"), code=201)
    assert made["metadata"]["generation"] == 1
    told = {**made, "status": {"loadBalancer": {"ingress": [{"ip": "172.18.255.200"}]}}}
    await plane.call("PUT", f"{INGRESSES}/shop/status", told, code=200)
    table = await plane.call("GET", INGRESSES, headers=TABLE)
    assert table["rows"][0]["cells"][:5] == ["shop", "nginx", "shop.example", "172.18.255.200", "80"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (path(kind=None), "pathType: Required value"),
        (path(kind="Regex"), 'Unsupported value: "Regex": supported values: "Exact"'),
        (path("shop"), "must be an absolute path"),
        (path("/a//b"), "must not contain '//'"),
        (path(backend={}), "backend: Required value"),
        (path(backend={"service": {"name": "shop", "port": {}}}), "port name or number is required"),
    ],
)
async def test_an_invalid_path_is_told_what_is_wrong(plane, wrong, message):
    refused = await plane.call("POST", INGRESSES, ingress(wrong), code=422)
    assert message in refused["message"]


async def test_an_ingress_without_rules_needs_a_default_backend(plane):
    empty = {"metadata": {"name": "x"}, "spec": {}}
    refused = await plane.call("POST", INGRESSES, empty, code=422)
    assert "either `defaultBackend` or `rules` must be specified" in refused["message"]
    await plane.call("POST", INGRESSES, {**empty, "spec": {"defaultBackend": SHOP}}, code=201)


async def test_a_class_names_its_controller_for_ever(plane):
    made = {"metadata": {"name": "mine"}, "spec": {"controller": "example.org/mine"}}
    await plane.call("POST", CLASSES, made, code=201)
    other = {"metadata": {"name": "mine"}, "spec": {"controller": "example.org/other"}}
    refused = await plane.call("PUT", f"{CLASSES}/mine", other, code=422)
    assert "field is immutable" in refused["message"]
    table = await plane.call("GET", CLASSES, headers=TABLE)
    assert ["mine", "example.org/mine", "<none>"] in [row["cells"][:3] for row in table["rows"]]
