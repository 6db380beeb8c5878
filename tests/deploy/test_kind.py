"""The reference cluster is the twin of netlab: the course's text must be true on both."""

from pathlib import Path

import yaml

from deploy.kind import cluster
from netlab import topology

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "deploy/kind/cluster.yaml").read_text())


def test_kind_has_the_nodes_that_netlab_has():
    roles = [node["role"] for node in CONFIG["nodes"]]
    assert CONFIG["name"] == "redes"
    assert roles == ["control-plane", "worker", "worker"]


def test_kind_has_the_address_ranges_that_netlab_has():
    ours = topology.build()
    assert CONFIG["networking"] == {
        "podSubnet": str(ours.pod_network),
        "serviceSubnet": str(ours.service_network),
    }


def test_a_pod_that_forks_without_end_is_stopped_by_its_node():
    (patch,) = map(yaml.safe_load, CONFIG["kubeadmConfigPatches"])
    assert patch["kind"] == "KubeletConfiguration"
    assert 256 <= patch["podPidsLimit"] <= 4096
    assert patch["failCgroupV1"] is False


def test_the_ingress_controllers_node_ports_are_those_that_are_mapped():
    mapped = {each["containerPort"] for each in CONFIG["nodes"][0]["extraPortMappings"]}
    assert mapped == {30000, 30001, *cluster.INGRESS_PORTS.values()}
