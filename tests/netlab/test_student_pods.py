"""The fence around lab sessions, on a running cluster: a student makes pods, and none that leaves the lab."""

import json
from pathlib import Path

import pytest

from tests.netlab.worlds import TOOLBOX

pytestmark = pytest.mark.integration

POLICY = Path(__file__).parents[2] / "deploy" / "policies" / "student-pods.yaml"
ROLE = ["create", "role", "student", "--verb=*", "--resource=pods,deployments.apps,pods/ephemeralcontainers"]


@pytest.fixture
def student(netlab, namespace):
    """kubectl as the service account of a session, where the policy is in force."""
    netlab.kubectl("apply", "-f", str(POLICY))
    netlab.kubectl("label", "namespace", namespace, "redes.local/session=s")
    netlab.kubectl("-n", namespace, "create", "serviceaccount", "student")
    netlab.kubectl("-n", namespace, *ROLE)
    bound = ["--role=student", f"--serviceaccount={namespace}:student"]
    netlab.kubectl("-n", namespace, "create", "rolebinding", "student", *bound)
    whose = ["-n", namespace, "--as", f"system:serviceaccount:{namespace}:student"]
    yield lambda *args, **options: netlab.kubectl(*whose, *args, **options)
    netlab.kubectl("delete", "-f", str(POLICY))


def run(student, *, image=TOOLBOX, ok=True, container=None, **spec):
    if container:
        spec["containers"] = [{"name": "mine", "image": image, **container}]
    overrides = ["--overrides", json.dumps({"spec": spec})] if spec else []
    return student("run", "mine", f"--image={image}", *overrides, "--", "sleep", "60", ok=ok)


def test_a_student_runs_the_toolbox_with_the_networks_capabilities(student):
    added = {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}
    run(student, container={"securityContext": added, "command": ["sleep", "60"]})
    student("wait", "--for=condition=Ready", "pod/mine", "--timeout=30s")


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"hostNetwork": True}, "may not share the node's namespaces"),
        ({"hostPID": True}, "may not share the node's namespaces"),
        ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "may not mount the node's files"),
        ({"container": {"securityContext": {"privileged": True}}}, "may not be privileged"),
        (
            {"container": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}},
            "may add NET_ADMIN, NET_RAW and SYS_PTRACE only",
        ),
        ({"container": {"ports": [{"containerPort": 1, "hostPort": 1}]}}, "may not open ports of the node"),
        (
            {"image": "docker.io/evil/redes.local/toolbox"},
            "may run the images of the course, busybox and Prometheus only",
        ),
    ],
)
def test_a_pod_that_would_leave_the_lab_is_refused_by_the_policy(student, asked, told):
    refused = run(student, ok=False, **asked)
    assert refused.returncode == 1
    policy = "ValidatingAdmissionPolicy 'redes-student-pods' with binding 'redes-student-pods'"
    assert f"{policy} denied request: a pod of a lab session {told}" in refused.stderr


def test_a_deployment_or_a_debug_container_is_no_way_around(netlab, namespace, student):
    student("create", "deployment", "sly", "--image=docker.io/evil/miner")
    student("create", "deployment", "fair", f"--image={TOOLBOX}", "--", "sleep", "60")
    student("wait", "--for=condition=Available", "deployment/fair", "--timeout=30s")
    student("wait", "--for=condition=ReplicaFailure", "deployment/sly", "--timeout=30s")
    assert [pod["metadata"]["labels"]["app"] for pod in netlab.get("pods", "-n", namespace)["items"]] == [
        "fair"
    ]
    pod = netlab.get("pods", "-n", namespace)["items"][0]["metadata"]["name"]
    refused = student("debug", pod, f"--image={TOOLBOX}", "--profile=sysadmin", ok=False)
    assert "a pod of a lab session may not be privileged" in refused.stderr
