"""`make kind` from the Kubernetes API upwards: kind is a fake whose kubeconfig leads to a netlab."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.addons.addons import KUBECTL
from deploy.kind.cluster import INGRESS_PORTS
from netlab.images import TOOLBOX

PROJECT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]
pytest_plugins = ["tests.deploy.fakes"]


@pytest.fixture
def make_kind(fakes, stack, tmp_path):
    (fakes.notes / "kubeconfig").write_text(stack.kubeconfig.read_text())
    environment = os.environ | {"STATE_DIR": str(tmp_path / "state"), "ADDONS": "none"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)

    def run(*command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=PROJECT, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def node_ports(kubeconfig: Path) -> dict[int, int]:
    """Of the ingress controller, by the ports of its Service."""
    where = ["--kubeconfig", str(kubeconfig), "-n", "nginx-ingress", "-o", "json"]
    found = subprocess.run([str(KUBECTL), *where, "get", "service", "nginx-ingress"], capture_output=True)
    return {each["port"]: each["nodePort"] for each in json.loads(found.stdout)["spec"]["ports"]}


def test_it_ends_with_a_measured_cluster_and_the_second_time_makes_nothing(make_kind, fakes, stack):
    first = make_kind("deploy/kind/cluster.py", "up")
    assert "The cluster is ready. Now: make run CLUSTER=kind" in first
    assert "networkpolicy present" in " ".join(first.split())
    assert "networkpolicy present" in " ".join(make_kind("deploy/kind/cluster.py", "up").split())
    assert len(fakes.calls("kind", "create")) == 1
    loads = fakes.calls("kind", "load", "docker-image")
    assert loads == [["kind", "load", "docker-image", TOOLBOX, "--name", "redes"]] * 2
    assert node_ports(stack.kubeconfig) == INGRESS_PORTS
