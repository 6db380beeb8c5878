"""Protobuf bodies as kubectl writes them, built by hand here."""

import pytest

from netlab.schema import wire
from netlab.schema.decode import conform
from netlab.schema.definitions import definition


def field(number, content):
    """A field: bytes and text length-delimited, ints as varints."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content & (1 << 64) - 1)
    raw = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def envelope(api_version, kind, body):
    meta = field(1, api_version) + field(2, kind)
    return wire.MAGIC + field(1, meta) + field(2, body)


def test_a_config_map_with_its_maps():
    meta = field(1, "c1") + field(11, field(1, "app") + field(2, "shop"))
    body = field(1, meta) + field(2, field(1, "a") + field(2, "1"))
    assert wire.decode(envelope("v1", "ConfigMap", body)) == {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c1", "labels": {"app": "shop"}},
        "data": {"a": "1"},
    }


def test_zeros_count_only_where_go_has_pointers():
    container = field(1, "web") + field(16, 0)  # stdin: false
    pod_spec = field(2, container) + field(4, 0) + field(11, 0)  # grace 0, hostNetwork false
    template = field(2, pod_spec)
    spec = field(1, 0) + field(3, template)  # replicas: 0
    decoded = wire.decode(envelope("apps/v1", "Deployment", field(2, spec)))["spec"]
    assert decoded["replicas"] == 0
    assert decoded["template"]["spec"] == {
        "containers": [{"name": "web"}],
        "terminationGracePeriodSeconds": 0,
    }


def test_inlined_messages_and_special_types():
    empty_dir = field(2, b"")
    volume = field(1, "v") + field(2, empty_dir)
    probe = field(1, field(2, field(2, field(1, 0) + field(2, 8080))))  # handler.httpGet.port
    container = field(1, "web") + field(11, probe)
    decoded = wire.decode(envelope("v1", "Pod", field(2, field(1, volume) + field(2, container))))["spec"]
    assert decoded["volumes"] == [{"name": "v", "emptyDir": {}}]
    assert decoded["containers"][0]["readinessProbe"] == {"httpGet": {"port": 8080}}


def test_secrets_become_base64_and_times_rfc_3339():
    meta = field(1, "s") + field(8, field(1, 1_700_000_000))
    body = field(1, meta) + field(2, field(1, "p") + field(2, b"\x00\xff"))
    decoded = wire.decode(envelope("v1", "Secret", body))
    assert decoded["data"] == {"p": "AP8="}
    assert decoded["metadata"]["creationTimestamp"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"k8s\x00\xff",
        envelope("v1", "Unicorn", b""),
        envelope("v1", "Pod", field(1, b"\x0a\xff")),
        envelope("v1", "Pod", b"\x0b\x00"),
    ],
)
def test_rubbish_is_refused(body):
    with pytest.raises(wire.BadWire):
        wire.decode(body)


def test_every_name_of_the_table_is_one_of_the_schema():
    """The numbers came from one release, the schemas from another: their names must agree."""
    for message in ("core.Container", "core.ServiceSpec", "apps.DeploymentSpec", "core.ObjectReference"):
        package, _, name = message.partition(".")
        known = set(definition(f"io.k8s.api.{package}.v1.{name}")["properties"])
        assert known <= {entry[0] for entry in wire._table()[message].values()}


def test_what_was_decoded_has_the_shape_of_its_kind():
    body = field(1, field(1, "s")) + field(
        2, field(1, field(3, 80)) + field(2, field(1, "a") + field(2, "b"))
    )
    decoded = wire.decode(envelope("v1", "Service", body))
    conformed = conform(decoded, {"$ref": "#/$defs/io.k8s.api.core.v1.Service"})
    assert conformed.problems == [] and conformed.object["spec"]["selector"] == {"a": "b"}


def test_versions_of_one_kind_have_their_own_numbers():
    spec = field(3, 5) + field(4, 55)
    decoded = wire.decode(envelope("autoscaling/v1", "HorizontalPodAutoscaler", field(2, spec)))
    assert decoded["spec"] == {"maxReplicas": 5, "targetCPUUtilizationPercentage": 55}
    scale = wire.decode(envelope("autoscaling/v1", "Scale", field(2, field(1, 3))))
    assert scale["spec"] == {"replicas": 3}
