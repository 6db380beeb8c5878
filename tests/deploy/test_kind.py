"""The reference cluster is the twin of netlab: the course's text must be true on both."""

from pathlib import Path

import yaml

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
