"""Decoding and patching without a server."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netlab.schema import fieldset
from netlab.schema.decode import WrongType, conform, load_json
from netlab.schema.patches import BadPatch, json_patch, merge_patch
from netlab.schema.strategic import strategic_merge

POD = {"$ref": "#/$defs/io.k8s.api.core.v1.Pod"}
SERVICE = {"$ref": "#/$defs/io.k8s.api.core.v1.Service"}

documents = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans(),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text(max_size=2), documents, max_size=4)


def test_nulls_vanish_and_numbers_of_quantities_become_text():
    spec = {"containers": [{"name": "a", "command": None, "resources": {"limits": {"cpu": 1}}}]}
    assert conform({"spec": spec}, POD).object["spec"]["containers"] == [
        {"name": "a", "resources": {"limits": {"cpu": "1"}}}
    ]


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"containers": {}},
            "cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.",
        ),
        (
            {"hostNetwork": "yes"},
            "cannot unmarshal string into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        ({"containers": [{"name": 3}]}, "Go struct field Container.spec.containers.name of type string"),
        ({"terminationGracePeriodSeconds": True}, "cannot unmarshal bool into Go struct field"),
        ({"terminationGracePeriodSeconds": 1.5}, "cannot unmarshal number into Go struct field"),
    ],
)
def test_wrong_types_are_told_as_go_tells_them(spec, told):
    with pytest.raises(WrongType) as error:
        conform({"spec": spec}, POD)
    assert told in str(error.value)


def test_a_key_twice_is_noticed_where_it_stands():
    document = load_json('{"spec": {"nodeName": "a", "nodeName": "b"}}')
    assert conform(document, POD).problems == ['duplicate field "spec.nodeName"']


@given(objects, objects)
def test_a_merge_patch_applied_twice_is_applied_once(target, patch):
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(objects)
def test_json_patch_replaces_the_whole(target):
    assert json_patch({"a": 1}, [{"op": "replace", "path": "", "value": target}]) == target


def test_json_patch_on_lists():
    steps = [
        {"op": "add", "path": "/l/-", "value": 3},
        {"op": "add", "path": "/l/0", "value": 0},
        {"op": "move", "from": "/l/1", "path": "/m"},
        {"op": "copy", "from": "/m", "path": "/n~1o"},
        {"op": "test", "path": "/l", "value": [0, 2, 3]},
    ]
    assert json_patch({"l": [1, 2]}, steps) == {"l": [0, 2, 3], "m": 1, "n/o": 1}


@pytest.mark.parametrize(
    "step",
    [
        {"op": "remove", "path": "/x"},
        {"op": "add", "path": "/l/9", "value": 1},
        {"op": "test", "path": "/l", "value": []},
        {"op": "explode", "path": "/l"},
        {"op": "replace", "path": "l", "value": 1},
    ],
)
def test_a_json_patch_that_does_not_fit(step):
    with pytest.raises(BadPatch):
        json_patch({"l": [1]}, [step])


def test_strategic_merge_directives():
    live = {"spec": {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}], "selector": {"x": "1"}}}
    patch = {
        "spec": {
            "$setElementOrder/ports": [{"port": 82}, {"port": 80}],
            "ports": [{"port": 81, "$patch": "delete"}, {"port": 82, "name": "c"}],
            "selector": {"$patch": "replace", "y": "2"},
        }
    }
    assert strategic_merge(live, patch, SERVICE)["spec"] == {
        "ports": [{"port": 82, "name": "c"}, {"port": 80, "name": "a"}],
        "selector": {"y": "2"},
    }


def test_strategic_merge_of_plain_lists():
    live = {"metadata": {"finalizers": ["a", "b"]}}
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c"]}}
    assert strategic_merge(live, patch, POD)["metadata"]["finalizers"] == ["b", "c"]


def test_an_item_without_its_key_cannot_be_merged():
    with pytest.raises(BadPatch, match="does not contain declared merge key: name"):
        strategic_merge({"spec": {"containers": []}}, {"spec": {"containers": [{"image": "x"}]}}, POD)


def test_field_sets_survive_their_written_form():
    ports = [{"containerPort": 80, "protocol": "TCP"}]
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "ports": ports}]}}
    fields = fieldset.fields_of(pod, POD)
    assert fieldset.from_fields_v1(fieldset.to_fields_v1(fields)) == fields
    assert ("f:metadata", "f:labels", "f:a") in fields
    key = ("f:spec", "f:containers", 'k:{"name":"c"}', "f:ports", 'k:{"containerPort":80,"protocol":"TCP"}')
    assert (*key, ".") in fields
    assert fieldset.value_at(pod, (*key, "f:containerPort"), POD) == 80
