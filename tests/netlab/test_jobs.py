"""Jobs, as kubectl makes, awaits and describes them."""

import json

import pytest

from tests.netlab.worlds import TOOLBOX

pytestmark = pytest.mark.integration


@pytest.fixture
def kubectl(netlab, namespace):
    def run(*args: str, ok: bool = True, stdin: str = "") -> str:
        done = netlab.kubectl("-n", namespace, *args, ok=ok, stdin=stdin)
        return done.stdout + done.stderr

    return run


def job(script: str, restart: str = "Never", **spec) -> str:
    container = {"name": "main", "image": TOOLBOX, "command": ["sh", "-c", script]}
    pod = {"containers": [container], "terminationGracePeriodSeconds": 1}
    pod |= {"restartPolicy": restart} if restart else {}
    body = {"template": {"spec": pod}, **spec}
    return json.dumps({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"}, "spec": body})


def test_a_job_is_created_awaited_and_described(kubectl):
    kubectl("create", "job", "hello", f"--image={TOOLBOX}", "--", "echo", "olá")
    kubectl("wait", "--for=condition=complete", "job/hello", "--timeout=20s")
    assert kubectl("logs", "job/hello") == "olá\n"
    assert kubectl("get", "jobs").splitlines()[1].split()[:3] == ["hello", "Complete", "1/1"]
    told = kubectl("describe", "job", "hello")
    assert "1 Succeeded / 0 Failed" in told and "Job completed" in told


def test_many_completions_by_several_pods(kubectl):
    kubectl("apply", "-f", "-", stdin=job("hostname", completions=4, parallelism=2))
    kubectl("wait", "--for=condition=complete", "job/work", "--timeout=40s")
    assert len(set(kubectl("logs", "-l", "job-name=work", "--tail=1").split())) == 4
    assert "job.batch/work unchanged" in kubectl(
        "apply", "-f", "-", stdin=job("hostname", completions=4, parallelism=2)
    )


def test_a_failing_job_says_so(kubectl):
    kubectl("apply", "-f", "-", stdin=job("exit 3", backoffLimit=0))
    kubectl("wait", "--for=condition=failed", "job/work", "--timeout=20s")
    assert "BackoffLimitExceeded" in kubectl("describe", "job", "work")


def test_a_job_goes_after_its_time_with_its_pods(kubectl):
    kubectl("apply", "-f", "-", stdin=job("true", ttlSecondsAfterFinished=0))
    kubectl("wait", "--for=delete", "job/work", "--timeout=20s")
    kubectl("wait", "--for=delete", "pod", "-l", "job-name=work", "--timeout=20s")


def test_a_running_job_is_deleted_with_its_pods(kubectl):
    kubectl("apply", "-f", "-", stdin=job("sleep infinity & wait"))
    kubectl("wait", "--for=jsonpath={.status.ready}=1", "job/work", "--timeout=20s")
    kubectl("delete", "job", "work", "--cascade=foreground", "--timeout=50s")
    assert "No resources found" in kubectl("get", "pods")


@pytest.mark.parametrize(
    ("manifest", "why"),
    [
        (
            job("true", restart=""),
            'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure"',
        ),
        (job("true", completionMode="Indexed", completions=2), "completionMode of Jobs is not available"),
        (job("true", selector={"matchLabels": {"a": "b"}}), "`selector` not auto-generated"),
    ],
    ids=["restart policy", "indexed", "selector"],
)
def test_what_a_job_may_not_be_is_refused(kubectl, manifest, why):
    assert why in kubectl("apply", "-f", "-", ok=False, stdin=manifest)
