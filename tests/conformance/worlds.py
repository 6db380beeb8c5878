"""A namespace on any cluster, kubectl in it, and the manifests the stories speak with."""

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

KUBECTL = str(Path(sys.prefix) / "bin" / "kubectl")
IMAGE = os.environ.get("CONFORMANCE_IMAGE", "redes.local/toolbox:0.1.0")
SECONDS = 60  # until a controller has done its part


@dataclass
class World:
    kubeconfig: Path
    namespace: str

    def attempt(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess:
        """kubectl, whatever comes of it."""
        command = [KUBECTL, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, *args]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90)

    def kubectl(self, *args: str, stdin: str = "") -> str:
        done = self.attempt(*args, stdin=stdin)
        assert done.returncode == 0, f"{' '.join(args)}: {done.stderr}"
        return done.stdout

    def refusal(self, *args: str, stdin: str = "") -> str:
        """Why kubectl could not; that it could fails the test."""
        done = self.attempt(*args, stdin=stdin)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def apply(self, *objects: dict) -> None:
        self.kubectl("apply", "-f", "-", stdin="\n---\n".join(json.dumps(one) for one in objects))

    def get(self, *args: str) -> dict:
        return json.loads(self.kubectl("get", *args, "-o", "json"))

    def run(self, pod: str, *argv: str, stdin: str = "") -> str:
        flags = ["-i"] if stdin else []
        return self.kubectl("exec", *flags, pod, "--", *argv, stdin=stdin)

    @contextmanager
    def following(self, pod: str) -> Iterator[Iterator[str]]:
        """The lines of a pod's log, as they are written."""
        command = [KUBECTL, "--kubeconfig", str(self.kubeconfig), "-n", self.namespace, "logs", "-f", pod]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as follower:
            try:
                yield follower.stdout
            finally:
                follower.terminate()

    def ready(self, *names: str) -> None:
        self.kubectl("wait", "--for=condition=Ready", *(f"pod/{name}" for name in names), "--timeout=60s")


@contextmanager
def new_world(kubeconfig: Path, name: str) -> Iterator[World]:
    """A namespace of its own, which pods can be made in; it goes with everything in it."""
    made = World(kubeconfig, f"{name}-{uuid.uuid4().hex[:8]}")
    made.kubectl("create", "namespace", made.namespace)
    eventually(lambda: made.attempt("get", "serviceaccount", "default").returncode, 0)
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")


def eventually(look: Callable, wanted: object, *, seconds: float = SECONDS) -> None:
    """Look until it is so: for what no watch tells of, such as rules on a node."""
    deadline = time.monotonic() + seconds
    while (found := look()) != wanted:
        assert time.monotonic() < deadline, f"{found}, not {wanted}"


def pod(name: str, *command: str, labels: dict | None = None, spec: dict | None = None, **container) -> dict:
    """A pod of one container `main`, which idles unless a command is given."""
    main = {"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent", **container}
    main["command"] = list(command) or ["sleep", "3600"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [main], **(spec or {})},
    }


def deployment(name: str, replicas: int = 2, strategy: dict | None = None, **env: str) -> dict:
    template = pod(name, env=[{"name": key, "value": value} for key, value in env.items()])
    template = {"metadata": {"labels": {"app": name}}, "spec": template["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    if strategy:
        spec["strategy"] = {"type": "RollingUpdate", "rollingUpdate": strategy}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def service(name: str, app: str, ports: list[dict], **spec) -> dict:
    spec = {"selector": {"app": app}, "ports": ports, **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def configmap(name: str, labels: dict | None = None, **data: str) -> dict:
    metadata: dict = {"name": name}
    if labels:  # an empty map that is applied is a field of its own: its owner is in the next one's way
        metadata["labels"] = labels
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
