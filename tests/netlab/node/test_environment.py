import pytest

from netlab.node import downward, env
from netlab.node.env import ConfigError
from netlab.store import Store

POD = {
    "metadata": {"namespace": "default", "name": "web", "uid": "u", "labels": {"app": "web", "z": 'a"b'}},
    "spec": {"nodeName": "redes-worker", "enableServiceLinks": False},
    "status": {"podIP": "10.244.1.2"},
}


def store(*objects: tuple[str, dict]) -> Store:
    filled = Store()
    for resource, obj in objects:
        filled.create(resource, {"apiVersion": "v1", "kind": "X", **obj})
    return filled


def config_map(name: str, **data: str) -> tuple[str, dict]:
    return "configmaps", {"metadata": {"namespace": "default", "name": name}, "data": data}


def build(filled: Store, *items: dict, **container) -> dict[str, str]:
    return env.build(filled, POD, {"name": "main", "env": list(items), **container}, hostname="web")


def test_a_variable_may_use_those_before_it():
    found = build(store(), {"name": "A", "value": "1"}, {"name": "B", "value": "$(A)2 $(NO) $$(A)"})
    assert found["B"] == "12 $(NO) $(A)"


def test_values_come_from_fields_and_config_maps():
    filled = store(config_map("c", color="blue"))
    found = build(
        filled,
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "color"}}},
        envFrom=[{"prefix": "P_", "configMapRef": {"name": "c"}}],
    )
    assert (found["IP"], found["COLOR"], found["P_color"]) == ("10.244.1.2", "blue", "blue")


def test_a_missing_config_map_is_an_error_that_names_it():
    reference = {"configMapKeyRef": {"name": "gone", "key": "k"}}
    with pytest.raises(ConfigError, match='configmap "gone" not found'):
        build(store(), {"name": "A", "valueFrom": reference})


def test_an_optional_one_leaves_the_variable_out():
    reference = {"configMapKeyRef": {"name": "gone", "key": "k", "optional": True}}
    assert "A" not in build(store(), {"name": "A", "valueFrom": reference})


def test_the_api_server_is_told_even_without_service_links():
    kubernetes = {
        "metadata": {"namespace": "default", "name": "kubernetes"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443}]},
    }
    found = build(store(("services", kubernetes)))
    assert found["KUBERNETES_SERVICE_HOST"] == "10.96.0.1"
    assert found["KUBERNETES_SERVICE_PORT_HTTPS"] == "443"


def test_labels_are_written_one_a_line_and_quoted():
    assert downward.field_value(POD, "metadata.labels") == 'app="web"\nz="a\\"b"'
    assert downward.field_value(POD, "metadata.labels['app']") == "web"


def test_an_unknown_field_is_refused():
    with pytest.raises(ValueError, match="not supported"):
        downward.field_value(POD, "spec.everything")


@pytest.mark.parametrize(
    ("quantity", "divisor", "expected"), [("250m", "1m", "250"), ("250m", "1", "1"), ("64Mi", "1Mi", "64")]
)
def test_resources_are_counted_in_their_divisor_and_rounded_up(quantity, divisor, expected):
    container = {"resources": {"limits": {"cpu": quantity}}}
    assert downward.resource_value(container, {"resource": "limits.cpu", "divisor": divisor}) == expected
