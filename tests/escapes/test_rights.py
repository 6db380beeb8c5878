"""By the API: a student asks for what is others', the platform's or the cluster's."""

import json

import pytest

from k8s_tasks.cluster.namespaces import WORLD
from tests.escapes.conftest import Hand

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

OTHERS = {
    "pods": "get pods -n {theirs}",
    "a pod": "get pod their-pod -n {theirs}",
    "a log": "logs their-pod -n {theirs}",
    "secrets": "get secrets -n {theirs}",
    "a secret": "get secret their-secret -n {theirs}",
    "everybody's secrets": "get secrets --all-namespaces",
    "a shell": "exec their-pod -n {theirs} -- true",
    "a terminal": "attach their-pod -n {theirs}",
    "a port": "port-forward their-pod -n {theirs} 0:7000",
    "a deletion": "delete pod their-pod -n {theirs} --dry-run=server",
    "a token": "create token student -n {theirs}",
}
PLATFORM = {
    "the node agents": "get pods -n redes-system",
    "a shell in an agent": "exec daemonset/redes-node-agent -n redes-system -- true",
    "the system's pods": "get pods -n kube-system",
    "the system's secrets": "get secrets -n kube-system",
    "the own quota": "patch resourcequota session -p {{}}",
    "no quota": "delete resourcequota session",
    "no limits": "delete limitrange session",
    "the own role": "patch role student -p {{}}",
    "a role": "create role mine --verb=* --resource=*",
    "a binding": "create rolebinding mine --clusterrole=cluster-admin --serviceaccount={ours}:student",
    "another account's token": "create token default",
    "an account": "create serviceaccount mine",
    "a label off": "label namespace {ours} redes.local/session-",
    "the policy": "delete validatingadmissionpolicybinding redes-student-pods --dry-run=server",
    "the own namespace": "delete namespace {ours} --dry-run=server",
}
CLUSTER = {
    "the nodes": "get nodes",
    "a kubelet": "get --raw /api/v1/nodes/{node}/proxy/pods",
    "a node's shell": "debug node/{node} --image=redes.local/toolbox:0.1.0",
    "a cordon": "patch node {node} -p {{}}",
    "all rights": "create clusterrolebinding mine --clusterrole=cluster-admin --user=me --dry-run=server",
    "a role for all": "create clusterrole mine --verb=* --resource=* --dry-run=server",
    "a namespace": "create namespace {ours}-more --dry-run=server",
    "a priority": "create priorityclass mine --value=1000000 --dry-run=server",
    "volumes": "get persistentvolumes",
    "definitions": "get customresourcedefinitions",
    "a signature": "get certificatesigningrequests",
    "the server's figures": "get --raw /metrics",
    "the administrator": "get nodes --as=system:admin --as-group=system:masters",
    "another student": "get pods -n {theirs} --as=system:serviceaccount:{theirs}:student",
    "the system's account": "get secrets --as=system:serviceaccount:kube-system:default",
}
# What a cluster does not serve at all opens nothing either; one that serves it asks for rights first.
NOT_SERVED = ("the server could not find the requested resource", "the server doesn't have a resource type")
ATTEMPTS = {**OTHERS, **PLATFORM, **CLUSTER}


@pytest.mark.parametrize("wanted", ATTEMPTS)
def test_it_is_forbidden(student, admin, neighbour, wanted):
    words = {"ours": admin.namespace, "theirs": neighbour["namespace"], "node": worker(admin)}
    told = student.refusal(*ATTEMPTS[wanted].format(**words).split())
    assert any(words in told for words in ("orbidden", *NOT_SERVED)), told


def worker(admin: Hand) -> str:
    return next(
        node["metadata"]["name"]
        for node in admin.get("nodes")["items"]
        if not any(taint["effect"] == "NoSchedule" for taint in node["spec"].get("taints", []))
    )


def test_the_token_opens_the_own_namespace_so_that_the_refusals_mean_something(student, admin):
    student.do("get", "pods,services,configmaps,secrets,networkpolicies,events")
    who = json.loads(student.do("auth", "whoami", "-o", "json"))
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{admin.namespace}:student"


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("create", "serviceaccounts/token"),
        ("impersonate", "users"),
        ("bind", "clusterroles.rbac.authorization.k8s.io"),
        ("escalate", "roles.rbac.authorization.k8s.io"),
        ("get", "nodes/proxy"),
        ("approve", "signers.certificates.k8s.io"),
        ("create", "mutatingwebhookconfigurations.admissionregistration.k8s.io"),
        ("patch", "services/status"),
        ("patch", "pods/status"),
        ("create", "endpoints"),
        ("create", "endpointslices.discovery.k8s.io"),
    ],
)
def test_the_server_itself_says_no_when_asked_for(student, verb, resource):
    name, _, sub = resource.partition("/")
    words = ["auth", "can-i", verb, name, *([f"--subresource={sub}"] if sub else [])]
    assert student.attempt(*words).stdout.split()[0] == "no"  # a reason may follow


@pytest.mark.parametrize(
    "wanted", ["create pods/exec", "delete pods", "create networkpolicies", "get secrets"]
)
def test_the_platforms_traffic_is_looked_at_and_no_more(student, wanted):
    verb, resource = wanted.split()
    name, _, sub = resource.partition("/")
    words = [verb, name, *([f"--subresource={sub}"] if sub else [])]
    answer = student.attempt("auth", "can-i", *words, "-n", f"{student.namespace}-{WORLD}")
    assert answer.stdout.split()[0] == "no"
    student.do("get", "pods", "-n", f"{student.namespace}-{WORLD}")
