"""Whatever a client sends, the parsers answer with their own error or a value, never another exception."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from netlab.schema import patches, strategic, wire

POD = {"metadata": {"name": "a", "labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}}
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=4)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v))
PATHS = st.sampled_from(["", "/", "/spec", "/spec/containers/-", "/spec/containers/-1", "/metadata/name/x"])
STEPS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]) | VALUES},
    optional={"path": PATHS | VALUES, "from": PATHS | VALUES, "value": VALUES},
)


def field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2, len(content)]) + content


def envelope(content: bytes) -> bytes:
    return wire.MAGIC + field(1, field(1, b"v1") + field(2, b"Pod")) + field(2, content)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=100))
def test_any_protobuf_body_is_read_or_refused(content):
    with contextlib.suppress(wire.BadWire):
        wire.decode(envelope(content))


@settings(max_examples=200, deadline=None)
@given(st.lists(STEPS, max_size=3) | VALUES)
def test_any_json_patch_fits_or_is_refused(steps):
    with contextlib.suppress(patches.BadPatch):
        patches.json_patch(POD, steps)


def test_a_time_beyond_the_calendar_is_refused():
    far = b"\x08" + b"\xff" * 8 + b"\x7f"
    with pytest.raises(wire.BadWire):
        wire.decode(envelope(field(1, field(8, far))))


@pytest.mark.parametrize(
    "step",
    [
        {"op": "remove", "path": 5},
        {"op": "add", "path": "/spec/containers/-1", "value": {}},
    ],
)
def test_a_pointer_that_is_none_is_refused(step):
    with pytest.raises(patches.BadPatch):
        patches.json_patch(POD, [step])


DIRECTIVES = st.sampled_from(
    [
        "$patch",
        "$retainKeys",
        "$setElementOrder/containers",
        "$deleteFromPrimitiveList/finalizers",
        "containers",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(DIRECTIVES, VALUES, max_size=3), st.sampled_from(["spec", "metadata"]))
def test_any_directive_of_a_strategic_patch_fits_or_is_refused(patch, where):
    with contextlib.suppress(patches.BadPatch):
        strategic.strategic_merge(POD, {where: patch}, {"$ref": "#/$defs/io.k8s.api.core.v1.Pod"})
