"""By a manifest: pods, and what makes pods, that would leave the session."""

import json

import pytest

from tests.escapes.conftest import TOOLBOX, pod

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

SLY = {
    "privileged": {"container": {"securityContext": {"privileged": True}}},
    "SYS_ADMIN": {"container": {"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}},
    "all capabilities": {"container": {"securityContext": {"capabilities": {"add": ["ALL"]}}}},
    "the node's network": {"hostNetwork": True},
    "the node's processes": {"hostPID": True},
    "the node's memory": {"hostIPC": True},
    "the node's files": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "a disk of somebody's": {"volumes": [{"name": "v", "nfs": {"server": "192.0.2.1", "path": "/"}}]},
    "a port of the node": {"container": {"ports": [{"containerPort": 80, "hostPort": 80}]}},
    "another image": {"image": "docker.io/library/alpine:3"},
    "an image of a like name": {"image": "evil.example/redes.local/toolbox:0.1.0"},
    "no filter": {"container": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}}},
    "no filter for all": {"securityContext": {"seccompProfile": {"type": "Unconfined"}}},
    "the first place": {"priorityClassName": "system-node-critical"},
    "an endless end": {"terminationGracePeriodSeconds": 100000},
    "a node's memory": {"container": {"resources": {"limits": {"memory": "2Gi"}}}},
    "an init container": {
        "initContainers": [{"name": "first", "image": TOOLBOX, "securityContext": {"privileged": True}}]
    },
}


@pytest.mark.parametrize("wish", SLY)
def test_a_pod_that_would_leave_the_session_is_not_admitted(student, wish):
    told = student.make_refused(pod("sly", **SLY[wish]))
    assert any(word in told for word in ("forbidden", "denied", "Invalid value", "not available")), told


def test_a_deployment_makes_no_pod_that_a_student_may_not_make(student, admin):
    template = pod("sly", hostNetwork=True)
    del template["metadata"]["name"]
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "sly"}}}
    spec["template"] = {key: template[key] for key in ("metadata", "spec")}
    student.make({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "sly"}, "spec": spec})
    student.do("wait", "--for=condition=ReplicaFailure", "deployment/sly", "--timeout=60s")
    assert admin.get("pods", "-l", "app=sly")["items"] == []
    student.do("delete", "deployment", "sly")


def test_a_pod_that_runs_is_not_given_another_image(student, prisoner):
    told = student.refusal("set", "image", "pod/prisoner", "main=docker.io/library/alpine:3")
    assert "may run the images of the course" in told


@pytest.mark.parametrize(
    ("image", "profile", "why"),
    [
        (TOOLBOX, "sysadmin", "may not be privileged"),
        ("docker.io/library/alpine:3", "general", "may run the images of the course"),
    ],
)
def test_a_container_added_later_has_no_more_than_the_first(student, prisoner, image, profile, why):
    told = student.refusal("debug", "prisoner", f"--image={image}", f"--profile={profile}")
    assert why in told


def test_the_policy_refuses_a_privileged_container_added_by_whomever(admin, prisoner):
    told = admin.refusal("debug", "prisoner", f"--image={TOOLBOX}", "--profile=sysadmin")
    assert "may not be privileged" in told


def test_no_more_pods_than_the_quota_says(student, admin):
    template = pod("many", nodeSelector={"redes.local/nowhere": "true"})
    spec = {"replicas": 30, "selector": {"matchLabels": {"app": "many"}}}
    spec["template"] = {"metadata": {"labels": {"app": "many"}}, "spec": template["spec"]}
    many = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "many"}, "spec": spec}
    student.make(many)
    student.do("wait", "--for=condition=ReplicaFailure", "deployment/many", "--timeout=60s")
    assert len(admin.get("pods")["items"]) <= 20
    student.do("delete", "deployment", "many")


@pytest.mark.parametrize(("kind", "most"), [("ConfigMap", 40), ("Secret", 40)])
def test_no_more_objects_than_the_quota_says(student, kind, most):
    names = [f"many-{number}" for number in range(most + 5)]
    made = [{"apiVersion": "v1", "kind": kind, "metadata": {"name": name}} for name in names]
    told = student.refusal("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, made)))
    assert "exceeded quota" in told
    assert len(student.get(kind)["items"]) <= most
    student.attempt("delete", kind, *names, "--ignore-not-found", "--wait=false")
