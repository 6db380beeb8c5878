import pytest

from netlab.controllers.statefulset import CLAIMS, RESOURCE

from .test_workloads import images, set_image
from .worlds import workload


def stateful(**spec) -> dict:
    return workload("StatefulSet", "db", serviceName="db", **spec)


def claims_template(name="data") -> dict:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}}
    return {"metadata": {"name": name}, "spec": spec}


def names(world) -> list[str]:
    return [pod["metadata"]["name"] for pod in world.pods()]


def status(world) -> dict:
    return world.store.get(RESOURCE, "default", "db")["status"]


def scale(world, replicas: int) -> None:
    world.change(RESOURCE, "db", lambda s: s["spec"].update(replicas=replicas))


def claim_names(world) -> list[str]:
    return [claim["metadata"]["name"] for claim in world.store.list(CLAIMS, "default")]


def test_pods_come_one_after_the_other_with_names_that_stay(world):
    world.create(RESOURCE, stateful(replicas=3))
    seen = []
    for _ in range(3):
        seen.append(names(world))
        world.ready()
    assert seen == [["db-0"], ["db-0", "db-1"], ["db-0", "db-1", "db-2"]]
    world.delete("pods", "db-1")
    world.converge()
    assert names(world) == ["db-0", "db-1", "db-2"]
    first = world.store.get("pods", "default", "db-0")
    assert (first["spec"]["hostname"], first["spec"]["subdomain"]) == ("db-0", "db")
    assert first["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "0"
    told = status(world)
    assert told["readyReplicas"] == told["currentReplicas"] == told["updatedReplicas"] == 3


def test_scaling_down_takes_the_last_first(world):
    world.create(RESOURCE, stateful(replicas=3))
    world.converge()
    scale(world, 1)
    assert names(world) == ["db-0", "db-1"]
    world.converge()
    assert names(world) == ["db-0"]


def test_a_pod_that_is_not_up_holds_the_next_but_not_in_parallel(world):
    world.create(RESOURCE, stateful(replicas=3, podManagementPolicy="Parallel"))
    assert names(world) == ["db-0", "db-1", "db-2"]


def test_an_update_goes_from_the_last_to_the_first(world):
    world.create(RESOURCE, stateful(replicas=3))
    world.converge()
    before = status(world)["currentRevision"]
    world.change(RESOURCE, "db", set_image("busybox:2"))
    world.ready()
    assert images(world) == ["busybox:1", "busybox:1", "busybox:2"]
    assert status(world)["currentRevision"] == before != status(world)["updateRevision"]
    world.converge()
    assert images(world) == ["busybox:2"] * 3
    assert status(world)["currentRevision"] == status(world)["updateRevision"] != before


def test_below_the_partition_pods_keep_their_template(world):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    world.create(RESOURCE, stateful(replicas=3, updateStrategy=strategy))
    world.converge()
    world.change(RESOURCE, "db", set_image("busybox:2"))
    world.converge()
    world.delete("pods", "db-0")
    world.converge()
    assert [pod["spec"]["containers"][0]["image"] for pod in world.pods()] == [
        "busybox:1",
        "busybox:1",
        "busybox:2",
    ]
    assert status(world)["updatedReplicas"] == 1


def test_as_many_may_be_down_as_max_unavailable_says(world):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    world.create(RESOURCE, stateful(replicas=4, updateStrategy=strategy, podManagementPolicy="Parallel"))
    world.converge()
    world.change(RESOURCE, "db", set_image("busybox:2"))
    assert names(world) == ["db-0", "db-1"]


def test_on_delete_an_update_waits_for_somebody_to_delete(world):
    world.create(RESOURCE, stateful(replicas=2, updateStrategy={"type": "OnDelete"}))
    world.converge()
    world.change(RESOURCE, "db", set_image("busybox:2"))
    world.converge()
    assert images(world) == ["busybox:1"] * 2
    world.delete("pods", "db-0")
    world.converge()
    assert images(world) == ["busybox:1", "busybox:2"]


def test_numbers_begin_where_the_ordinals_say(world):
    world.create(RESOURCE, stateful(replicas=2, ordinals={"start": 5}))
    world.converge()
    assert names(world) == ["db-5", "db-6"]


def test_history_is_bounded_but_what_runs_is_kept(world):
    world.create(RESOURCE, stateful(replicas=1, revisionHistoryLimit=1, updateStrategy={"type": "OnDelete"}))
    world.converge()
    for number in range(2, 6):
        world.change(RESOURCE, "db", set_image(f"busybox:{number}"))
    assert sorted(r["revision"] for r in world.store.list("controllerrevisions.apps")) == [1, 4, 5]


def test_a_pod_counts_as_up_only_after_its_seconds(world):
    world.create(RESOURCE, stateful(replicas=2, minReadySeconds=600))
    world.converge()
    assert names(world) == ["db-0"] and status(world)["availableReplicas"] == 0


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({}, ["data-db-0", "data-db-1"]),
        ({"whenScaled": "Delete"}, ["data-db-0"]),
    ],
)
def test_claims_outlive_their_pods_unless_they_shall_not(world, policy, kept):
    given = {"volumeClaimTemplates": [claims_template()], "persistentVolumeClaimRetentionPolicy": policy}
    world.create(RESOURCE, stateful(replicas=2, **given))
    world.converge()
    pod = world.store.get("pods", "default", "db-1")
    assert pod["spec"]["volumes"][0] == {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}
    scale(world, 1)
    world.converge()
    assert claim_names(world) == kept


@pytest.mark.parametrize(("when", "kept"), [("Retain", ["data-db-0"]), ("Delete", [])])
def test_claims_go_with_the_set_where_it_says_so(world, when, kept):
    policy = {"whenDeleted": when}
    given = {"volumeClaimTemplates": [claims_template()], "persistentVolumeClaimRetentionPolicy": policy}
    world.create(RESOURCE, stateful(replicas=1, **given))
    world.converge()
    world.delete(RESOURCE, "db")
    world.converge()
    assert names(world) == [] and claim_names(world) == kept
