import pytest

from netlab import topology


def test_three_nodes_lie_where_kind_puts_them():
    cluster = topology.build()
    places = [(node.name, str(node.address), str(node.pod_network)) for node in cluster.nodes]
    assert places == [
        ("redes-control-plane", "172.18.0.2", "10.244.0.0/24"),
        ("redes-worker", "172.18.0.3", "10.244.1.0/24"),
        ("redes-worker2", "172.18.0.4", "10.244.2.0/24"),
    ]


def test_the_gateway_is_the_first_address_of_a_nodes_pod_network():
    assert str(topology.build().node("redes-worker2").gateway) == "10.244.2.1"


@pytest.mark.parametrize("workers", [0, 10])
def test_a_number_of_workers_out_of_range_is_refused(workers):
    with pytest.raises(ValueError, match="1 to 9"):
        topology.build(workers=workers)


def test_an_unknown_node_is_a_key_error():
    with pytest.raises(KeyError):
        topology.build().node("redes-worker3")
