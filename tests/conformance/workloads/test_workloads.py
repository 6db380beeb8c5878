"""Deployments, Jobs, DaemonSets and the lives of containers."""

import json
import re

import pytest
from kubernetes import client, config, watch

from tests.conformance.worlds import IMAGE, deployment, eventually, new_world, pod, service

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def world(kubeconfig):
    with new_world(kubeconfig, "workloads") as made:
        yield made


def rolled_out(world, name: str) -> None:
    world.kubectl("rollout", "status", f"deployment/{name}", "--timeout=60s")


def colour(world, name: str) -> str:
    return world.kubectl("exec", f"deploy/{name}", "--", "printenv", "COLOUR").strip()


def test_a_rollout_is_undone(world):
    world.apply(deployment("undone", COLOUR="red"))
    rolled_out(world, "undone")
    world.kubectl("set", "env", "deployment/undone", "COLOUR=blue")
    rolled_out(world, "undone")
    eventually(lambda: colour(world, "undone"), "blue")
    world.kubectl("rollout", "undo", "deployment/undone")
    rolled_out(world, "undone")
    eventually(lambda: colour(world, "undone"), "red")


def test_a_paused_deployment_keeps_its_pods(world):
    world.apply(deployment("paused", 1, COLOUR="red"))
    rolled_out(world, "paused")
    world.kubectl("rollout", "pause", "deployment/paused")
    world.kubectl("set", "env", "deployment/paused", "COLOUR=blue")
    seen = "{.status.observedGeneration}={.metadata.generation}"
    eventually(
        lambda: len(set(world.kubectl("get", "deploy", "paused", "-o", f"jsonpath={seen}").split("="))), 1
    )
    assert len(world.get("replicasets", "-l", "app=paused")["items"]) == 1
    world.kubectl("rollout", "resume", "deployment/paused")
    rolled_out(world, "paused")
    eventually(lambda: colour(world, "paused"), "blue")


@pytest.mark.whole
def test_a_rollout_keeps_within_its_bounds(world, kubeconfig):
    """Four pods, one more at most, none less available: after every change of its ReplicaSets.

    A Deployment's own status adds up what each ReplicaSet told last: of two that change at once it may tell
    six for a moment."""
    world.apply(deployment("bound", 4, {"maxSurge": 1, "maxUnavailable": 0}, COLOUR="red"))
    rolled_out(world, "bound")
    apps = client.AppsV1Api(config.new_client_from_config(str(kubeconfig)))
    listed = apps.list_namespaced_replica_set(world.namespace, label_selector="app=bound")
    sets = {one.metadata.name: one for one in listed.items}
    world.kubectl("set", "env", "deployment/bound", "COLOUR=blue")
    rolled_out(world, "bound")
    stream = watch.Watch().stream(
        apps.list_namespaced_replica_set,
        world.namespace,
        resource_version=listed.metadata.resource_version,
        timeout_seconds=2,
        label_selector="app=bound",
    )
    wanted, available = [], []
    for event in stream:
        sets[event["object"].metadata.name] = event["object"]
        wanted.append(sum(one.spec.replicas for one in sets.values()))
        told = [one.status for one in sets.values() if one.status]
        available.append(sum(status.available_replicas or 0 for status in told))
    assert max(wanted) == 5
    assert min(available) == 4


def test_a_job_completes_as_often_as_it_says(world):
    template = pod("", "true", spec={"restartPolicy": "Never"})
    spec = {"completions": 3, "parallelism": 2, "template": {"spec": template["spec"]}}
    world.apply({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "three"}, "spec": spec})
    world.kubectl("wait", "--for=condition=Complete", "job/three", "--timeout=60s")
    assert world.get("job", "three")["status"]["succeeded"] == 3


def test_a_daemonset_runs_on_every_node_that_takes_it(world):
    template = {"metadata": {"labels": {"app": "each"}}, "spec": pod("each")["spec"]}
    spec = {"selector": {"matchLabels": {"app": "each"}}, "template": template}
    world.apply({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "each"}, "spec": spec})
    world.kubectl("rollout", "status", "daemonset/each", "--timeout=60s")
    free = {
        node["metadata"]["name"] for node in world.get("nodes")["items"] if not node["spec"].get("taints")
    }
    assert {one["spec"]["nodeName"] for one in world.get("pods", "-l", "app=each")["items"]} == free


def test_init_containers_come_one_by_one_before_the_others(world):
    volumes = [{"name": "there", "emptyDir": {}}]
    mounts = [{"name": "there", "mountPath": "/there"}]
    first = pod("", "sh", "-c", "echo first >> /there/order", volumeMounts=mounts)["spec"]["containers"][0]
    second = pod("", "sh", "-c", "echo second >> /there/order", volumeMounts=mounts)["spec"]["containers"][0]
    inits = [{**first, "name": "first"}, {**second, "name": "second"}]
    world.apply(pod("ordered", spec={"volumes": volumes, "initContainers": inits}, volumeMounts=mounts))
    world.ready("ordered")
    assert world.run("ordered", "cat", "/there/order") == "first\nsecond\n"


def test_a_container_that_keeps_failing_waits_longer_and_longer(world):
    world.apply(pod("failing", "sh", "-c", "exit 3"))
    state = "{.status.containerStatuses[0].state.waiting.reason}"
    eventually(lambda: world.kubectl("get", "pod", "failing", "-o", f"jsonpath={state}"), "CrashLoopBackOff")
    status = world.get("pod", "failing")["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert re.search(r"back-off \d+s restarting failed container=main", status["state"]["waiting"]["message"])


def test_a_failing_liveness_probe_starts_the_container_again(world):
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/sick"]}, "periodSeconds": 1, "failureThreshold": 1}
    world.apply(pod("sick", livenessProbe=probe))
    world.ready("sick")
    world.run("sick", "touch", "/tmp/sick")
    restarts = ("get", "pod", "sick", "-o", "jsonpath={.status.containerStatuses[0].restartCount}")
    eventually(lambda: world.kubectl(*restarts) != "0", True)
    told = json.dumps(world.get("events", "--field-selector", "involvedObject.name=sick"))
    assert "Unhealthy" in told and "Killing" in told


def test_the_end_of_a_pod_waits_for_its_farewell(world):
    """Who follows the log hears both the hook and the process, before the pod is gone."""
    script = "trap 'echo asked to end; exit 0' TERM; while :; do read -t 0.1 < /dev/zero; done"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo farewell > /proc/1/fd/1"]}}}
    spec = {"terminationGracePeriodSeconds": 10}
    world.apply(pod("polite", "bash", "-c", "echo begun; " + script, spec=spec, lifecycle=hook))
    world.ready("polite")
    with world.following("polite") as lines:
        assert next(lines) == "begun\n"
        world.kubectl("delete", "pod", "polite")
        assert list(lines) == ["farewell\n", "asked to end\n"]


def stateful(name: str, replicas: int = 2, **spec) -> list[dict]:
    """A set and the headless Service that names its pods."""
    mounts = [{"name": "data", "mountPath": "/data"}]
    template = {"metadata": {"labels": {"app": name}}, "spec": pod(name, volumeMounts=mounts)["spec"]}
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    spec = {
        "serviceName": name,
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template,
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": wanted}],
        **spec,
    }
    made = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": name}, "spec": spec}
    return [service(name, name, [{"port": 80}], clusterIP="None"), made]


def test_a_stateful_pod_comes_back_with_its_name_and_its_data(world):
    world.apply(*stateful("db"))
    world.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    world.run("db-1", "sh", "-c", "echo mine > /data/note")
    world.kubectl("delete", "pod", "db-1")
    world.kubectl("rollout", "status", "statefulset/db", "--timeout=60s")
    assert world.run("db-1", "cat", "/data/note") == "mine\n"
    address = world.get("pod", "db-1")["status"]["podIP"]
    eventually(
        lambda: address in world.attempt("exec", "db-0", "--", "getent", "hosts", "db-1.db").stdout, True
    )
    world.kubectl("scale", "statefulset/db", "--replicas=1")
    world.kubectl("wait", "--for=delete", "pod/db-1", "--timeout=60s")
    assert world.get("pvc", "data-db-1")["status"]["phase"] == "Bound"


def test_a_partition_keeps_the_first_pods_as_they_were(world):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    world.apply(*stateful("parted", updateStrategy=strategy))
    world.kubectl("rollout", "status", "statefulset/parted", "--timeout=60s")
    world.kubectl("set", "env", "statefulset/parted", "COLOUR=blue")
    world.kubectl("rollout", "status", "statefulset/parted", "--timeout=60s")
    world.ready("parted-1")
    assert world.run("parted-1", "printenv", "COLOUR") == "blue\n"
    assert world.attempt("exec", "parted-0", "--", "printenv", "COLOUR").stdout == ""


def test_a_claim_waits_for_a_pod_and_outlives_it(world):
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    meta = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "kept"}, "spec": wanted}
    source = {"name": "disk", "persistentVolumeClaim": {"claimName": "kept"}}
    mounts = [{"name": "disk", "mountPath": "/disk"}]
    world.apply(meta)
    for name, command in (("writer", "echo kept > /disk/file"), ("reader", "cat /disk/file")):
        spec = {"volumes": [source], "restartPolicy": "Never"}
        world.apply(pod(name, "sh", "-c", command, spec=spec, volumeMounts=mounts))
        world.kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", "--timeout=60s")
    assert world.kubectl("logs", "reader") == "kept\n"
    world.kubectl("delete", "pvc", "kept", "--wait=false")
    world.kubectl("delete", "pod", "writer", "reader")
    world.kubectl("wait", "--for=delete", "pvc/kept", "--timeout=60s")


@pytest.mark.whole
def test_a_cron_job_runs_each_minute(world):
    world.kubectl("create", "cronjob", "tick", f"--image={IMAGE}", "--schedule=* * * * *", "--", "true")
    ended = ("get", "cronjob", "tick", "-o", "jsonpath={.status.lastSuccessfulTime}")
    # The next minute may begin when the usual sixty seconds are almost over.
    eventually(lambda: world.kubectl(*ended) != "", True, seconds=90)
    world.kubectl("create", "job", "--from=cronjob/tick", "by-hand")
    world.kubectl("wait", "--for=condition=Complete", "job/by-hand", "--timeout=60s")


def test_a_scaler_keeps_within_its_bounds(world):
    world.apply(deployment("scaled", 1))
    world.kubectl("autoscale", "deployment/scaled", "--min=2", "--max=3", "--cpu=50%")
    eventually(lambda: world.get("deployment", "scaled")["spec"]["replicas"], 2)
