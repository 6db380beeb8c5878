from .worlds import workload

DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS = "deployments.apps", "replicasets.apps", "daemonsets.apps"


def set_image(image):
    return lambda d: d["spec"]["template"]["spec"]["containers"][0].update(image=image)


def images(world):
    return sorted(pod["spec"]["containers"][0]["image"] for pod in world.pods())


def conditions(obj):
    return {c["type"]: (c["status"], c["reason"]) for c in obj["status"]["conditions"]}


def test_a_deployment_becomes_available(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=3))
    world.ready()
    shop = world.store.get(DEPLOYMENTS, "default", "shop")
    assert shop["status"]["availableReplicas"] == shop["status"]["updatedReplicas"] == 3
    assert shop["status"]["observedGeneration"] == shop["metadata"]["generation"]
    assert conditions(shop) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


def test_a_rolling_update_never_goes_below_its_bound(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=4))
    world.converge()
    world.change(DEPLOYMENTS, "shop", set_image("busybox:2"))
    seen = []
    for _ in range(12):
        ready = [p for p in world.pods() if p["status"].get("phase") == "Running"]
        seen.append((len(ready), len(world.pods())))
        world.ready()
    assert min(ready for ready, _ in seen) >= 3  # 25 % of 4 may be missing
    assert max(total for _, total in seen) <= 5  # and 25 % too many
    assert images(world) == ["busybox:2"] * 4


def test_a_rollout_that_never_gets_ready_keeps_the_old_pods(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=4))
    world.converge()
    old = {pod["metadata"]["name"] for pod in world.pods()}
    world.change(DEPLOYMENTS, "shop", set_image("busybox:bad"))
    for _ in range(3):
        world.ready(old)
    assert images(world).count("busybox:1") == 3
    assert conditions(world.store.get(DEPLOYMENTS, "default", "shop"))["Progressing"] == (
        "True",
        "ReplicaSetUpdated",
    )


def test_recreate_waits_until_the_last_old_pod_is_gone(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=2, strategy={"type": "Recreate"}))
    world.converge()
    world.change(DEPLOYMENTS, "shop", set_image("busybox:2"))
    assert world.pods() == []
    world.converge()
    assert images(world) == ["busybox:2"] * 2


def test_going_back_uses_the_old_set_under_a_new_revision(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=1))
    world.converge()
    first = world.store.list(REPLICA_SETS)[0]["metadata"]["name"]
    for image in ("busybox:2", "busybox:1"):
        world.change(DEPLOYMENTS, "shop", set_image(image))
        world.converge()
    revisions = {
        rs["metadata"]["name"]: rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        for rs in world.store.list(REPLICA_SETS)
    }
    assert revisions[first] == "3" and len(revisions) == 2


def test_a_set_that_came_back_tells_which_revisions_it_was(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=1))
    first = world.store.list(REPLICA_SETS)[0]["metadata"]["name"]
    for image in ("busybox:2", "busybox:1", "busybox:2", "busybox:1"):
        world.change(DEPLOYMENTS, "shop", set_image(image))
        world.converge()
    annotations = world.store.get(REPLICA_SETS, "default", first)["metadata"]["annotations"]
    assert annotations["deployment.kubernetes.io/revision-history"] == "1,3"
    assert "deployment.kubernetes.io/revision-history" not in world.store.get(DEPLOYMENTS, "default", "shop")[
        "metadata"
    ].get("annotations", {})


def test_history_is_bounded(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=1, revisionHistoryLimit=1))
    for number in range(2, 6):
        world.change(DEPLOYMENTS, "shop", set_image(f"busybox:{number}"))
        world.converge()
    assert len(world.store.list(REPLICA_SETS)) == 2


def test_a_paused_deployment_scales_but_does_not_roll(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=1))
    world.converge()
    world.change(DEPLOYMENTS, "shop", lambda d: d["spec"].update(paused=True, replicas=2))
    world.change(DEPLOYMENTS, "shop", set_image("busybox:2"))
    world.converge()
    assert images(world) == ["busybox:1"] * 2


def test_scaling_down_takes_the_unready_first(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=3))
    keep = {world.pods()[1]["metadata"]["name"]}
    world.ready(keep)
    world.change(DEPLOYMENTS, "shop", lambda d: d["spec"].update(replicas=1))
    assert {pod["metadata"]["name"] for pod in world.pods()} == keep


def test_a_relabelled_pod_leaves_its_set_and_is_replaced(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=1))
    world.ready()
    lost = world.pods()[0]["metadata"]["name"]
    world.change("pods", lost, lambda p: p["metadata"]["labels"].update(app="quarantine"))
    assert len(world.pods(app="shop")) == 1
    assert (
        "ownerReferences" not in world.pods(app="quarantine")[0]["metadata"]
        or not world.pods(app="quarantine")[0]["metadata"]["ownerReferences"]
    )


def test_deleting_the_deployment_takes_everything_along(world):
    world.create(DEPLOYMENTS, workload("Deployment", replicas=2))
    world.converge()
    world.delete(DEPLOYMENTS, "shop")
    world.converge()
    assert world.store.list(REPLICA_SETS) == [] and world.store.list("pods") == []


def test_a_quota_stops_the_set_and_says_why(world):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "1"}},
    }
    world.create("resourcequotas", quota)
    world.create(DEPLOYMENTS, workload("Deployment", replicas=3))
    assert len(world.pods()) == 1
    told = "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"
    assert told in world.events("FailedCreate")[0]
    shop = world.store.get(DEPLOYMENTS, "default", "shop")
    assert conditions(shop)["ReplicaFailure"] == ("True", "FailedCreate")
    assert world.store.get("resourcequotas", "default", "q")["status"]["used"] == {"pods": "1"}


def test_a_daemon_runs_once_on_every_node_that_will_have_it(world):
    world.create(DAEMON_SETS, workload("DaemonSet"))
    world.ready()
    assert sorted(pod["spec"]["nodeName"] for pod in world.pods()) == ["redes-worker", "redes-worker2"]
    world.add_node("redes-worker3")
    world.run()
    world.ready()
    status = world.store.get(DAEMON_SETS, "default", "shop")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberAvailable"]) == (3, 3, 3)


def test_a_daemon_is_replaced_node_by_node(world):
    world.create(DAEMON_SETS, workload("DaemonSet"))
    world.converge()
    world.change(DAEMON_SETS, "shop", set_image("busybox:2"))
    assert images(world) == ["busybox:1"]  # one of two has gone, its successor waits for the node
    world.converge()
    assert images(world) == ["busybox:2"] * 2
    assert [r["revision"] for r in world.store.list("controllerrevisions.apps")] in ([1, 2], [2, 1])


def test_a_replication_controller_keeps_its_number_of_pods(world):
    controller = workload("ReplicationController", replicas=2)
    controller["apiVersion"] = "v1"
    controller["spec"]["selector"] = controller["spec"]["selector"]["matchLabels"]
    world.create("replicationcontrollers", controller)
    world.ready()
    lost = world.pods()[0]["metadata"]["name"]
    world.delete("pods", lost)
    world.ready()
    assert lost not in {pod["metadata"]["name"] for pod in world.pods()}
    assert world.store.get("replicationcontrollers", "default", "shop")["status"]["readyReplicas"] == 2
