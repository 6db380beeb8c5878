"""Who may do what: roles, impersonation, and the tokens of pods."""

import json

import pytest

from tests.conformance.worlds import configmap, new_world, pod

pytestmark = pytest.mark.integration

_CALL = """
cd /var/run/secrets/kubernetes.io/serviceaccount
curl -s --cacert ca.crt -H "Authorization: Bearer $(cat token)" -o /dev/null -w '%{http_code}' \
  "https://$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT/api/v1/namespaces/$(cat namespace)/$0"
"""


@pytest.fixture(scope="module")
def world(kubeconfig):
    """`reader` may read pods, their logs and the ConfigMap `mine`, and nothing else."""
    with new_world(kubeconfig, "access") as made:
        made.kubectl("create", "serviceaccount", "reader")
        made.kubectl("create", "role", "pods", "--verb=get,list", "--resource=pods,pods/log")
        made.kubectl("create", "role", "mine", "--verb=get", "--resource=configmaps", "--resource-name=mine")
        for role in ("pods", "mine"):
            who = f"--serviceaccount={made.namespace}:reader"
            made.kubectl("create", "rolebinding", role, f"--role={role}", who)
        made.apply(
            configmap("mine"), configmap("other"), pod("inside", spec={"serviceAccountName": "reader"})
        )
        made.ready("inside")
        yield made


def reader(world) -> str:
    return f"--as=system:serviceaccount:{world.namespace}:reader"


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        ("list pods", "yes"),
        ("delete pods", "no"),
        ("get pods --subresource=log", "yes"),
        ("create pods --subresource=exec", "no"),
        ("get configmaps/mine", "yes"),
        ("get configmaps/other", "no"),
        ("list configmaps", "no"),
        ("list nodes", "no"),
    ],
)
def test_can_i_knows_verb_subresource_and_name(world, asked, answer):
    done = world.attempt("auth", "can-i", *asked.split(), reader(world))
    assert (done.stdout.strip(), done.returncode) == (answer, 0 if answer == "yes" else 1)


def test_what_is_forbidden_is_said_in_full(world):
    told = world.refusal("get", "configmap", "other", reader(world))
    user = f"system:serviceaccount:{world.namespace}:reader"
    wanted = (
        f'configmaps "other" is forbidden: User "{user}" cannot get resource "configmaps" in API group ""'
    )
    assert wanted in told
    assert world.kubectl("get", "configmap", "mine", "-o", "name", reader(world)) == "configmap/mine\n"
    assert "inside" in world.kubectl("get", "pods", reader(world))


def test_without_the_right_to_exec_nothing_runs(world):
    assert "pods/exec" in world.refusal("exec", "inside", reader(world), "--", "id")


def test_nobody_may_impersonate_without_the_right(world):
    token = world.kubectl("create", "token", "reader").strip()
    as_other = ("get", "pods", f"--token={token}", "--as=root", "--kubeconfig=/dev/null")
    config = world.get("configmap", "kube-root-ca.crt")
    assert "BEGIN CERTIFICATE" in config["data"]["ca.crt"]
    server = json.loads(world.kubectl("config", "view", "-o", "json"))["clusters"][0]["cluster"]["server"]
    told = world.refusal(*as_other, f"--server={server}", "--insecure-skip-tls-verify")
    # Kubernetes 1.36 may say which of its finer rights is missing: `cannot impersonate-on:user-info:list ...`
    assert "forbidden" in told and "cannot impersonate" in told


@pytest.mark.parametrize(("path", "code"), [("pods", "200"), ("secrets", "403"), ("configmaps/mine", "200")])
def test_a_pods_token_opens_what_its_role_says(world, path, code):
    assert world.run("inside", "bash", "-c", _CALL, path) == code


def test_a_token_is_reviewed(world):
    token = world.kubectl("create", "token", "reader").strip()
    told = [review(world, one) for one in (token, token[:-4] + "AAAA")]
    assert told[0]["user"]["username"] == f"system:serviceaccount:{world.namespace}:reader"
    assert not told[1].get("authenticated")


def review(world, token: str) -> dict:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    return json.loads(world.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(body)))["status"]
