"""The nine pods on a real cluster, and policies put there and taken away."""

import json
import os
import subprocess
from pathlib import Path

from kubernetes import client, config

from .prober import KUBECTL
from .world import LETTERS, SPACES, namespace, pod_labels, port_names

IMAGE = os.environ.get("CONFORMANCE_IMAGE", "redes.local/toolbox:0.1.0")
_SERVE = (Path(__file__).parent / "serve.pl").read_text()


class TestCluster:
    """Makes the world on entering, removes it on leaving."""

    __test__ = False

    def __init__(self, kubeconfig: Path):
        self.kubeconfig = kubeconfig
        api = config.new_client_from_config(str(kubeconfig))
        self._core, self._networking = client.CoreV1Api(api), client.NetworkingV1Api(api)

    def __enter__(self) -> "TestCluster":
        # A run of a moment ago may have left them: what is still going takes nothing new.
        self._kubectl("delete", "namespace", *map(namespace, SPACES), "--ignore-not-found", "--timeout=80s")
        self._kubectl("apply", "-f", "-", stdin=json.dumps(_world()))
        for space in SPACES:
            ready = ("pod", "--all", "--for=condition=Ready", "--timeout=60s")
            self._kubectl("wait", "-n", namespace(space), *ready)
        return self

    def __exit__(self, *_) -> None:
        self._kubectl("delete", "namespace", *map(namespace, SPACES), "--wait=false")

    def addresses(self) -> dict[str, str]:
        """x_a, x_b, ... to the pods' addresses."""
        return {
            f"{space}_{pod.metadata.name}": pod.status.pod_ip
            for space in SPACES
            for pod in self._core.list_namespaced_pod(namespace(space)).items
        }

    def create(self, policies: list[dict]) -> None:
        for policy in policies:
            name, space = policy["metadata"]["name"], namespace(policy["metadata"]["namespace"])
            self._networking.create_namespaced_network_policy(
                space,
                {
                    "apiVersion": "networking.k8s.io/v1",
                    "kind": "NetworkPolicy",
                    "metadata": {"name": name, "namespace": space},
                    "spec": policy["spec"],
                },
            )

    def replace_spec(self, policy: dict) -> None:
        name, space = policy["metadata"]["name"], namespace(policy["metadata"]["namespace"])
        current = self._networking.read_namespaced_network_policy(name, space)
        body = {**client.ApiClient().sanitize_for_serialization(current), "spec": policy["spec"]}
        self._networking.replace_namespaced_network_policy(name, space, body)

    def clear(self) -> None:
        for space in SPACES:
            self._networking.delete_collection_namespaced_network_policy(namespace(space))

    def label_pod(self, space: str, name: str, labels: dict) -> None:
        """A label that is None is taken away."""
        self._core.patch_namespaced_pod(name, namespace(space), {"metadata": {"labels": labels}})

    def label_namespace(self, space: str, labels: dict) -> None:
        self._core.patch_namespace(namespace(space), {"metadata": {"labels": labels}})

    def _kubectl(self, *args: str, stdin: str = "") -> None:
        command = [str(KUBECTL), "--kubeconfig", str(self.kubeconfig), *args]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr


def _world() -> dict:
    spaces = [_object("Namespace", namespace(space), labels=labels) for space, labels in SPACES.items()]
    pods = [_pod(space, letter) for space in SPACES for letter in LETTERS]
    return {"apiVersion": "v1", "kind": "List", "items": [*spaces, *pods]}


def _object(kind: str, name: str, **meta) -> dict:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, **meta}}


def _pod(space: str, letter: str) -> dict:
    ports = [
        {"name": name, "protocol": protocol, "containerPort": number}
        for (name, protocol), number in port_names(letter).items()
    ]
    container = {
        "name": "main",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["perl", "-e", _SERVE, "80", "81"],
        "ports": ports,
        "readinessProbe": {"tcpSocket": {"port": 81}, "periodSeconds": 1},
    }
    return {
        **_object("Pod", letter, namespace=namespace(space), labels=pod_labels(letter)),
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
