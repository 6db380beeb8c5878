"""Deployments, Jobs, DaemonSets and the lives of containers."""

import json
import re

import pytest
from kubernetes import client, config, watch

from tests.conformance.worlds import deployment, eventually, new_world, pod

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
    """Four pods, one more at most, none less available: in every state the API tells of."""
    world.apply(deployment("bound", 4, {"maxSurge": 1, "maxUnavailable": 0}, COLOUR="red"))
    rolled_out(world, "bound")
    apps = client.AppsV1Api(config.new_client_from_config(str(kubeconfig)))
    start = apps.list_namespaced_deployment(world.namespace).metadata.resource_version
    world.kubectl("set", "env", "deployment/bound", "COLOUR=blue")
    rolled_out(world, "bound")
    stream = watch.Watch().stream(
        apps.list_namespaced_deployment,
        world.namespace,
        resource_version=start,
        timeout_seconds=2,
        field_selector="metadata.name=bound",
    )
    states = [one["object"].status for one in stream]
    assert max(state.replicas for state in states) == 5
    assert min(state.available_replicas or 0 for state in states) == 4


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
