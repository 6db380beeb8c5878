"""Lifecycle hooks of containers, seen through kubectl."""

import subprocess

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration


def events(netlab, namespace: str, reason: str) -> list[str]:
    found = netlab.get("-n", namespace, "events", "--field-selector", f"reason={reason}")
    return [event["message"] for event in found["items"]]


def test_post_start_is_over_before_the_container_counts_as_running(netlab, namespace):
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "echo ready > /tmp/state"]}}}
    netlab.apply(pod("box", namespace, "sleep", "infinity", lifecycle=hook))
    netlab.kubectl("-n", namespace, "wait", "pod/box", "--for=condition=Ready", "--timeout=20s")
    assert netlab.kubectl("-n", namespace, "exec", "box", "--", "cat", "/tmp/state").stdout == "ready\n"


def test_a_failing_post_start_ends_the_container(netlab, namespace):
    hook = {"postStart": {"exec": {"command": ["sh", "-c", "echo no luck; exit 1"]}}}
    made = pod("box", namespace, "sleep", "infinity", lifecycle=hook)
    made["spec"]["restartPolicy"] = "Never"
    netlab.apply(made)
    netlab.kubectl(
        "-n", namespace, "wait", "pod/box", "--for=jsonpath={.status.phase}=Failed", "--timeout=20s"
    )
    (told,) = events(netlab, namespace, "FailedPostStartHook")
    assert "no luck" in told


def test_pre_stop_runs_before_term(netlab, namespace):
    script = "echo begun; trap 'echo term >> /tmp/said; cat /tmp/said; exit' TERM; sleep infinity & wait"
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo hook > /tmp/said"]}}}
    made = pod("box", namespace, "sh", "-c", script, lifecycle=hook)
    made["spec"]["terminationGracePeriodSeconds"] = 10
    netlab.apply(made)
    netlab.kubectl("-n", namespace, "wait", "pod/box", "--for=condition=Ready", "--timeout=20s")
    follow = [netlab.program, "--kubeconfig", str(netlab.kubeconfig), "-n", namespace, "logs", "-f", "box"]
    with subprocess.Popen(follow, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout.readline() == "begun\n"
        netlab.kubectl("-n", namespace, "delete", "pod", "box", "--timeout=20s")
        assert following.stdout.read() == "hook\nterm\n"
