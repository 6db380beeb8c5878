import pytest

from netlab import images, topology
from netlab.node.backoff import Backoff
from netlab.node.links import node_end_commands, pod_end_commands, veth_name
from netlab.node.pods import AddressPool, NoAddressLeft

WORKER = topology.build().node("redes-worker")


def test_addresses_begin_after_the_gateway_and_a_freed_one_is_not_reused_at_once():
    pool = AddressPool(WORKER)
    first = pool.take()
    pool.give_back(first)
    assert (str(first), str(pool.take())) == ("10.244.1.2", "10.244.1.3")


def test_a_full_network_says_so():
    pool = AddressPool(WORKER)
    for _ in range(253):
        pool.take()
    with pytest.raises(NoAddressLeft, match="253"):
        pool.take()


def test_the_node_routes_to_one_pod_through_its_own_link():
    address = AddressPool(WORKER).take()
    commands = node_end_commands(WORKER, "veth0", "cni-x", address)
    assert "route add 10.244.1.2/32 dev veth0 scope host" in commands
    assert "route add default via 10.244.1.1 dev eth0" in pod_end_commands(WORKER, address)


def test_a_link_name_fits_the_kernel_and_is_the_pods_own():
    assert len(veth_name("a")) == 12
    assert veth_name("a") != veth_name("b")


def test_the_first_restart_is_at_once_then_the_pause_doubles_to_five_minutes():
    pause = Backoff()
    assert [pause.after_run(1) for _ in range(8)] == [0, 10, 20, 40, 80, 160, 300, 300]


def test_a_long_good_run_is_forgiven():
    pause = Backoff()
    pause.after_run(1)
    pause.after_run(1)
    assert pause.after_run(601) == 0


@pytest.mark.parametrize(
    "reference", ["busybox", "busybox:1.36", "docker.io/library/busybox", "docker.io/library/busybox:latest"]
)
def test_busybox_is_known_by_all_its_names(reference):
    assert images.find(reference).name == "busybox"


@pytest.mark.parametrize("reference", ["nginx", "busybox2", "redes.local/toolbox:9", "evil/busybox"])
def test_other_images_are_not_there(reference):
    assert images.find(reference) is None
