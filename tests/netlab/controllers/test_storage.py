import pytest

from netlab.api import admission
from netlab.controllers.storage import CLAIMS, VOLUMES

from .worlds import pod


def claim(world, name="data", **spec) -> dict:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}, **spec}
    meta = {"name": name, "namespace": "default"}
    obj = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}
    admission.create(world.store, obj)
    world.run()
    return world.store.get(CLAIMS, "default", name)


def volume(world, name, size="20Mi", labels=None, **spec) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "capacity": {"storage": size},
        "hostPath": {"path": f"/data/{name}"},
        "storageClassName": "by-hand",
        **spec,
    }
    meta = {"name": name, "labels": labels or {}}
    admission.create(
        world.store, {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": meta, "spec": spec}
    )
    world.run()


def storage_class(world, name, **fields) -> None:
    meta = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    admission.create(world.store, {**meta, "provisioner": "rancher.io/local-path", **fields})
    world.run()


def consumer(world, name="box", claim_name="data", **spec) -> None:
    source = {"name": "disk", "persistentVolumeClaim": {"claimName": claim_name}}
    world.create("pods", pod(name, volumes=[source], **spec))


def bound_to(world, name="data") -> str | None:
    found = world.store.get(CLAIMS, "default", name)
    return found["spec"].get("volumeName") if found["status"]["phase"] == "Bound" else None


def phase(world, name) -> str:
    return world.store.get(VOLUMES, None, name)["status"]["phase"]


def node_of(world, name="box") -> str | None:
    return world.store.get("pods", "default", name)["spec"].get("nodeName")


def why_pending(world, name="box") -> str:
    (told,) = world.store.get("pods", "default", name)["status"]["conditions"]
    return told["message"]


def test_the_default_class_waits_for_the_first_pod_and_makes_the_volume_on_its_node(world):
    assert claim(world)["spec"]["storageClassName"] == "standard"
    assert bound_to(world) is None and len(world.events("WaitForFirstConsumer")) == 1
    consumer(world)
    (made,) = world.store.list(VOLUMES)
    assert bound_to(world) == made["metadata"]["name"] and phase(world, bound_to(world)) == "Bound"
    (term,) = made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"]
    assert term["matchExpressions"][0]["values"] == [node_of(world)]
    assert made["spec"]["hostPath"]["path"].startswith("/var/local-path-provisioner/pvc-")


def test_the_next_pod_goes_where_the_volume_is(world):
    claim(world)
    consumer(world, nodeSelector={"kubernetes.io/hostname": "redes-worker2"})
    consumer(world, "other", nodeSelector={"kubernetes.io/hostname": "redes-worker"})
    consumer(world, "third")
    assert node_of(world, "third") == "redes-worker2" and node_of(world, "other") is None
    assert "1 node(s) didn't match PersistentVolume's node affinity" in why_pending(world, "other")


def test_a_claim_in_use_stays_until_its_pods_are_gone_and_takes_its_volume_along(world):
    claim(world)
    consumer(world)
    world.delete(CLAIMS, "data")
    assert world.store.get(CLAIMS, "default", "data")["metadata"]["deletionTimestamp"]
    world.delete("pods", "box")
    world.ready()
    assert world.store.list(CLAIMS) == [] and world.store.list(VOLUMES) == []


def test_a_volume_to_be_retained_stays_released_with_its_data(world):
    storage_class(world, "kept", reclaimPolicy="Retain", volumeBindingMode="WaitForFirstConsumer")
    claim(world, storageClassName="kept")
    consumer(world)
    name = bound_to(world)
    world.delete("pods", "box")
    world.ready()
    world.delete(CLAIMS, "data")
    assert phase(world, name) == "Released"


def test_a_claim_takes_the_smallest_volume_that_fits(world):
    volume(world, "large", "2Gi")
    volume(world, "fitting")
    volume(world, "small", "5Mi")
    volume(world, "other-mode", "11Mi", accessModes=["ReadWriteMany"])
    claim(world, storageClassName="by-hand")
    assert bound_to(world) == "fitting"
    told = world.store.get(CLAIMS, "default", "data")["status"]
    assert told == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "20Mi"}}
    assert phase(world, "large") == "Available"


def test_a_claim_chooses_by_labels_or_by_name(world):
    volume(world, "plain")
    volume(world, "fast", "2Gi", labels={"disk": "ssd"})
    claim(world, storageClassName="by-hand", selector={"matchLabels": {"disk": "ssd"}})
    claim(world, "named", storageClassName="by-hand", volumeName="plain")
    assert (bound_to(world), bound_to(world, "named")) == ("fast", "plain")


def test_a_volume_kept_for_a_claim_is_nobody_elses(world):
    volume(world, "kept", claimRef={"namespace": "default", "name": "mine"})
    claim(world, storageClassName="by-hand")
    assert bound_to(world) is None
    claim(world, "mine", storageClassName="by-hand")
    assert bound_to(world, "mine") == "kept"


def test_a_local_volume_is_on_its_node(world):
    expression = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["redes-worker2"]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}}
    storage_class(
        world, "by-hand", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer"
    )
    volume(world, "disk", local={"path": "/mnt/disk"}, nodeAffinity=affinity)
    claim(world, storageClassName="by-hand")
    assert bound_to(world) is None
    consumer(world)
    assert bound_to(world) == "disk" and node_of(world) == "redes-worker2"


def test_a_class_may_say_on_which_nodes(world):
    rule = {"key": "kubernetes.io/hostname", "values": ["redes-worker2"]}
    topology = {
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowedTopologies": [{"matchLabelExpressions": [rule]}],
    }
    storage_class(world, "there", **topology)
    claim(world, storageClassName="there")
    consumer(world)
    assert node_of(world) == "redes-worker2"


@pytest.mark.parametrize(
    ("spec", "reason", "message"),
    [
        ({"storageClassName": ""}, "FailedBinding", "no storage class is set"),
        ({"storageClassName": "nope"}, "ProvisioningFailed", 'storageclass.storage.k8s.io "nope" not found'),
        ({"storageClassName": "now"}, "ProvisioningFailed", "no node was specified"),
    ],
)
def test_what_keeps_a_claim_pending_is_told(world, spec, reason, message):
    storage_class(world, "now")
    claim(world, **spec)
    assert message in world.events(reason)[0]
    consumer(world)
    assert why_pending(world) == "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."


def test_a_pod_waits_for_its_claim(world):
    consumer(world)
    assert why_pending(world) == '0/3 nodes are available: persistentvolumeclaim "data" not found.'
    claim(world)
    assert node_of(world)


def test_local_path_serves_one_node_at_a_time(world):
    claim(world, accessModes=["ReadWriteMany"])
    consumer(world)
    assert "NodePath only supports ReadWriteOnce" in world.events("ProvisioningFailed")[0]


def test_read_write_once_pod_means_one_pod(world):
    claim(world, accessModes=["ReadWriteOncePod"])
    consumer(world)
    consumer(world, "second")
    assert node_of(world) and "ReadWriteOncePod access mode" in why_pending(world, "second")
