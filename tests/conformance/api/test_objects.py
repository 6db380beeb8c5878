"""What every client of the API relies on: patches, apply, watch, validation, deletion."""

import json

import pytest
from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

from tests.conformance.worlds import configmap, deployment, eventually, new_world, service

pytestmark = pytest.mark.integration

PORTS = [{"name": "web", "port": 80}, {"name": "tls", "port": 443}]


@pytest.fixture
def world(kubeconfig):
    with new_world(kubeconfig, "api") as made:
        yield made


@pytest.fixture
def core(kubeconfig):
    return client.CoreV1Api(config.new_client_from_config(str(kubeconfig)))


def events(core, world, **options) -> list[tuple[str, str]]:
    stream = watch.Watch().stream(
        core.list_namespaced_config_map, world.namespace, timeout_seconds=2, **options
    )
    return [(one["type"], one["object"].metadata.name) for one in stream]


def raw_watch(world, *words: str) -> str:
    return f"/api/v1/namespaces/{world.namespace}/configmaps?watch=true&timeoutSeconds=1&{'&'.join(words)}"


def list_version(core, world) -> str:
    return core.list_namespaced_config_map(world.namespace).metadata.resource_version


@pytest.mark.whole
def test_a_watch_resumes_where_the_list_ended(world, core):
    start = list_version(core, world)
    world.apply(configmap("a"))
    world.kubectl("label", "configmap", "a", "colour=red")
    world.kubectl("delete", "configmap", "a")
    seen = events(core, world, resource_version=start)
    assert [one for one in seen if one[1] == "a"] == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_a_selected_watch_tells_of_entering_and_leaving(world, core):
    world.apply(configmap("a"))
    start = list_version(core, world)
    world.kubectl("label", "configmap", "a", "colour=red")
    world.kubectl("label", "configmap", "a", "colour=blue", "--overwrite")
    seen = events(core, world, resource_version=start, label_selector="colour=red")
    assert seen == [("ADDED", "a"), ("DELETED", "a")]


def test_initial_events_end_with_a_bookmark_or_are_refused(world):
    """Kubernetes 1.33 has them switched off; left out in silence, they would let clients wait for ever."""
    world.apply(configmap("a", {"mine": "yes"}))
    words = ("sendInitialEvents=true", "resourceVersionMatch=NotOlderThan", "allowWatchBookmarks=true")
    asked = world.attempt("get", "--raw", raw_watch(world, *words, "labelSelector=mine%3Dyes"))
    if asked.returncode:
        assert "sendInitialEvents" in asked.stderr and "orbidden" in asked.stderr
        return
    first, second, *_ = map(json.loads, asked.stdout.splitlines())
    assert (first["type"], first["object"]["metadata"]["name"]) == ("ADDED", "a")
    annotations = second["object"]["metadata"]["annotations"]
    assert (second["type"], annotations["k8s.io/initial-events-end"]) == ("BOOKMARK", "true")


def test_apply_takes_away_what_the_manifest_no_longer_says(world):
    world.apply(configmap("a", one="1", two="2"))
    world.kubectl("patch", "configmap", "a", "-p", '{"data": {"three": "3"}}')
    world.apply(configmap("a", one="1"))
    assert world.get("configmap", "a")["data"] == {"one": "1", "three": "3"}


def test_server_side_apply_names_the_conflict_and_yields_to_force(world):
    apply = ("apply", "--server-side", "-f", "-")
    world.kubectl(*apply, "--field-manager=ana", stdin=json.dumps(configmap("a", one="1", two="2")))
    told = world.refusal(*apply, "--field-manager=bia", stdin=json.dumps(configmap("a", one="x")))
    assert 'conflict with "ana": .data.one' in told
    forced = (*apply, "--field-manager=bia", "--force-conflicts")
    world.kubectl(*forced, stdin=json.dumps(configmap("a", one="x")))
    assert world.get("configmap", "a")["data"] == {"one": "x", "two": "2"}
    world.kubectl(*apply, "--field-manager=ana", stdin=json.dumps(configmap("a")))
    assert world.get("configmap", "a")["data"] == {"one": "x"}


@pytest.mark.parametrize(
    ("kind", "patch", "numbers"),
    [
        ("strategic", {"spec": {"ports": [{"port": 8080, "name": "more"}]}}, {80, 443, 8080}),
        ("strategic", {"spec": {"ports": [{"port": 80, "$patch": "delete"}]}}, {443}),
        ("merge", {"spec": {"ports": [{"port": 8080}]}}, {8080}),
        ("json", [{"op": "remove", "path": "/spec/ports/0"}], {443}),
    ],
)
def test_patches_know_their_lists(world, kind, patch, numbers):
    world.apply(service("a", "a", PORTS))
    world.kubectl("patch", "service", "a", "--type", kind, "-p", json.dumps(patch))
    assert {port["port"] for port in world.get("service", "a")["spec"]["ports"]} == numbers


@pytest.mark.whole
def test_a_json_patch_whose_test_fails_changes_nothing(world):
    world.apply(configmap("a", one="1"))
    patch = [{"op": "test", "path": "/data/one", "value": "2"}, {"op": "remove", "path": "/data/one"}]
    world.refusal("patch", "configmap", "a", "--type=json", "-p", json.dumps(patch))
    assert world.get("configmap", "a")["data"] == {"one": "1"}


def test_a_dry_run_leaves_nothing(world):
    stdin = json.dumps(configmap("a"))
    assert "created (server dry run)" in world.kubectl("apply", "--dry-run=server", "-f", "-", stdin=stdin)
    assert '"a" not found' in world.refusal("get", "configmap", "a")


def test_an_unknown_field_is_refused_by_name(world):
    wrong = deployment("a")
    wrong["spec"]["replicaz"] = 1
    told = world.refusal("apply", "-f", "-", stdin=json.dumps(wrong))
    assert 'strict decoding error: unknown field "spec.replicaz"' in told


def test_an_update_of_an_old_version_is_refused(world, core):
    world.apply(configmap("a"))
    old = core.read_namespaced_config_map("a", world.namespace)
    world.kubectl("label", "configmap", "a", "colour=red")
    with pytest.raises(ApiException) as refused:
        core.replace_namespaced_config_map("a", world.namespace, old)
    assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (409, "Conflict")


def test_a_finalizer_holds_an_object_until_it_is_taken_off(world):
    held = configmap("a")
    held["metadata"]["finalizers"] = ["example.com/hold"]
    world.apply(held)
    world.kubectl("delete", "configmap", "a", "--wait=false")
    assert world.get("configmap", "a")["metadata"]["deletionTimestamp"]
    world.kubectl("patch", "configmap", "a", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    assert '"a" not found' in world.refusal("get", "configmap", "a")


def owned(name: str, owner: dict) -> dict:
    child = configmap(name)
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"]}
    reference |= {"uid": owner["metadata"]["uid"], "blockOwnerDeletion": True}
    child["metadata"]["ownerReferences"] = [reference]
    return child


@pytest.mark.parametrize("cascade", ["background", "foreground"])
def test_what_is_owned_goes_with_its_owner(world, cascade):
    world.apply(configmap("owner"))
    world.apply(owned("child", world.get("configmap", "owner")))
    world.kubectl("delete", "configmap", "owner", f"--cascade={cascade}")
    eventually(lambda: world.attempt("get", "configmap", "child").returncode, 1)


def test_orphans_stay_and_belong_to_nobody(world):
    world.apply(configmap("owner"))
    world.apply(owned("child", world.get("configmap", "owner")))
    world.kubectl("delete", "configmap", "owner", "--cascade=orphan")
    assert "ownerReferences" not in world.get("configmap", "child")["metadata"]


@pytest.mark.whole
def test_a_name_is_made_from_its_beginning(world):
    nameless = configmap("")
    nameless["metadata"] = {"generateName": "made-"}
    create = ("create", "-f", "-", "-o", "name")
    names = {world.kubectl(*create, stdin=json.dumps(nameless)).strip() for _ in range(3)}
    assert len(names) == 3 and all(name.startswith("configmap/made-") for name in names)


@pytest.mark.whole
def test_a_long_list_comes_in_pieces(world, core):
    world.apply(*[configmap(f"part-{number}", {"part": "yes"}) for number in range(5)])
    names, token = [], None
    while token != "":
        page = core.list_namespaced_config_map(
            world.namespace, label_selector="part=yes", limit=2, _continue=token
        )
        assert len(page.items) <= 2
        names += [one.metadata.name for one in page.items]
        token = page.metadata._continue or ""
    assert names == [f"part-{number}" for number in range(5)]


def test_an_unknown_field_selector_is_refused(world):
    assert "colour" in world.refusal("get", "pods", "--field-selector", "colour=red")
    world.apply(configmap("a"), configmap("b"))
    found = world.kubectl("get", "configmaps", "--field-selector", "metadata.name=b", "-o", "name")
    assert found == "configmap/b\n"
