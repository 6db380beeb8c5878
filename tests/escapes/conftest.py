"""Two lab sessions on any cluster, made as the portal makes them, and kubectl as the student of one.

The student has no more than the token that the cluster gives the session's service account. `make
verify-cluster KUBECONFIG=...` runs these tests against that cluster, `make test` against an own netlab.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from k8s_tasks.cluster.agent import agents_for
from k8s_tasks.cluster.api import connect
from k8s_tasks.cluster.fence import fence_pods
from k8s_tasks.cluster.namespaces import (
    SESSION_LABEL,
    WORLD,
    look_only,
    namespace_manifests,
    student_rules,
)
from k8s_tasks.cluster.objects import apply_manifests, is_worker, list_nodes

KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")
TOOLBOX = os.environ.get("CONFORMANCE_IMAGE", "redes.local/toolbox:0.1.0")
SECONDS = 120


@dataclass(frozen=True)
class Hand:
    """kubectl with one kubeconfig in one namespace."""

    kubeconfig: Path
    namespace: str
    cache: Path

    def attempt(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess:
        command = [KUBECTL, "--kubeconfig", str(self.kubeconfig), "--cache-dir", str(self.cache)]
        command += ["-n", self.namespace, *args]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=SECONDS)

    def do(self, *args: str, stdin: str = "") -> str:
        done = self.attempt(*args, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
        return done.stdout

    def refusal(self, *args: str, stdin: str = "") -> str:
        """Why it could not be done; that it could is an escape."""
        done = self.attempt(*args, stdin=stdin)
        assert done.returncode != 0, f"{' '.join(args)} went through: {done.stdout}"
        return done.stderr

    def get(self, *args: str) -> dict:
        return json.loads(self.do("get", *args, "-o", "json"))

    def make(self, *objects: dict) -> None:
        self.do("create", "-f", "-", stdin="\n---\n".join(map(json.dumps, objects)))

    def make_refused(self, made: dict) -> str:
        return self.refusal("create", "-f", "-", stdin=json.dumps(made))


def pod(name: str, *, image: str = TOOLBOX, container: dict | None = None, **spec) -> dict:
    main = {"name": "main", "image": image, "command": ["sleep", "3600"], **(container or {})}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [main], **spec}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": spec,
    }


def node_port(name: str, port: int | None = None) -> dict:
    ports = [{"port": 80, "targetPort": 7000, **({"nodePort": port} if port else {})}]
    spec = {"type": "NodePort", "selector": {"app": "none"}, "ports": ports}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


PINNED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "p", "finalizers": ["a.b/c"]}}
THIEF = node_port("thief")
THIEF["spec"]["externalIPs"] = ["10.96.0.10"]
SLY = (pod("sly", hostNetwork=True), THIEF, PINNED)  # each is refused by another policy


@pytest.fixture(scope="session")
def kubeconfig(request) -> Path:
    """The cluster to judge."""
    if os.environ.get("CONFORMANCE") == "whole" and os.environ.get("KUBECONFIG"):
        return Path(os.environ["KUBECONFIG"])
    return request.getfixturevalue("stack").kubeconfig


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("escapes")


@pytest.fixture(scope="session")
def admin(kubeconfig, folder):
    """The cluster's administrator; meanwhile there are SERIAL-ours, its -world (the platform's
    traffic) and SERIAL-theirs."""
    serial = f"escape-{uuid.uuid4().hex[:8]}"
    found = Hand(kubeconfig, f"{serial}-ours", folder / "cache")
    asyncio.run(_open_sessions(kubeconfig, found.namespace, theirs(found)))
    for sly in SLY:
        _until_refused(found, sly)
    yield found
    for namespace in (found.namespace, theirs(found), f"{found.namespace}-{WORLD}"):
        found.do("delete", "namespace", namespace, "--wait=false")


def _until_refused(admin: Hand, sly: dict) -> None:
    """An API server takes a moment until a new policy is in force."""
    deadline = time.monotonic() + 30
    words = [
        "create",
        "--dry-run=server",
        "-f",
        "-",
        "--as",
        f"system:serviceaccount:{admin.namespace}:student",
    ]
    while "ValidatingAdmissionPolicy" not in (told := admin.attempt(*words, stdin=json.dumps(sly)).stderr):
        assert time.monotonic() < deadline, f"no policy refuses {sly}: {told}"


def theirs(hand: Hand) -> str:
    return hand.namespace.replace("-ours", "-theirs")


async def _open_sessions(kubeconfig: Path, *namespaces: str) -> None:
    api = await connect(kubeconfig)
    try:
        assert await fence_pods(api), (
            "the cluster does not enforce the policies, so students may make no pods"
        )
        for namespace in namespaces:
            labels = {SESSION_LABEL: namespace}
            rules = student_rules(may_make_pods=True)
            manifests = namespace_manifests(namespace, labels, rules=rules)
            await apply_manifests(api, manifests, namespace=namespace)
        ours = namespaces[0]
        traffic = namespace_manifests(f"{ours}-{WORLD}", {SESSION_LABEL: ours}, rules=look_only(), main=ours)
        await apply_manifests(api, traffic, namespace=f"{ours}-{WORLD}")
        nodes = await list_nodes(api)
        await agents_for(api, {node["metadata"]["name"] for node in nodes if is_worker(node)})
    finally:
        await api.close()


@pytest.fixture(scope="session")
def student(admin, folder) -> Hand:
    """By a real token, in a kubeconfig that holds nothing else."""
    token = admin.do("create", "token", "student", "--duration=1h").strip()
    whole = yaml.safe_load(admin.do("config", "view", "--raw", "--minify", "--flatten"))
    whole["users"] = [{"name": whole["users"][0]["name"], "user": {"token": token}}]
    path = folder / "student"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(whole))
    return Hand(path, admin.namespace, folder / "cache-of-student")


@pytest.fixture(scope="session")
def neighbour(admin) -> dict:
    """What the other session has: a pod, a secret, a Service with a NodePort; {"namespace", "port"}."""
    hand = Hand(admin.kubeconfig, theirs(admin), admin.cache)
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "their-secret"}}
    hand.make(pod("their-pod"), {**secret, "stringData": {"word": "theirs"}}, node_port("their-door"))
    hand.do("wait", "--for=condition=Ready", "pod/their-pod", "--timeout=90s")
    return {
        "namespace": hand.namespace,
        "port": hand.get("service", "their-door")["spec"]["ports"][0]["nodePort"],
    }


@pytest.fixture(scope="session")
def prisoner(student):
    """`prisoner(script)`: what a shell in the student's pod prints, which has all that a pod may have."""
    added = {"securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW", "SYS_PTRACE"]}}}
    student.make(pod("prisoner", container=added, serviceAccountName="student"))
    student.do("wait", "--for=condition=Ready", "pod/prisoner", "--timeout=90s")
    return lambda script: student.attempt("exec", "prisoner", "--", "bash", "-c", script)
