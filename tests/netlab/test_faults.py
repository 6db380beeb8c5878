import pytest

from netlab import topology
from netlab.faults import Faults, Refused, in_words
from netlab.node.links import bar_script

HOME, ONE, TWO = "redes-control-plane", "redes-worker", "redes-worker2"


@pytest.fixture
def faults():
    return Faults(topology.build())


def test_a_stopped_node_does_not_reach_the_api_until_it_is_started(faults):
    faults.apply("stop", [TWO])
    assert (faults.reaches_api(TWO), faults.reaches_api(ONE)) == (False, True)
    faults.apply("start", [TWO])
    assert faults.reaches_api(TWO)


def test_the_link_between_two_workers_leaves_their_way_to_the_api(faults):
    faults.apply("cut", [TWO, ONE])
    assert faults.reaches_api(ONE) and faults.reaches_api(TWO)
    assert (faults.barred(ONE), faults.barred(TWO), faults.barred(HOME)) == ([TWO], [ONE], [])


def test_the_link_to_the_control_plane_carries_the_heartbeats(faults):
    faults.apply("cut", [ONE, HOME])
    assert (faults.reaches_api(ONE), faults.plugged(ONE), faults.reaches_api(TWO)) == (False, True, True)


def test_the_cable_of_a_node_is_its_own_fault_and_healed_apart(faults):
    faults.apply("cut", [ONE])
    faults.apply("cut", [ONE, TWO])
    faults.apply("heal", [ONE])
    assert list(in_words(faults.as_facts())) == [f"cut: {ONE} - {TWO}"]


@pytest.mark.parametrize(
    ("act", "names", "why"),
    [
        ("stop", [HOME], "carries the API"),
        ("stop", ["nobody"], 'no node "nobody"'),
        ("start", [ONE], "is running"),
        ("heal", [ONE, TWO], "is whole"),
        ("cut", [ONE, ONE], "to itself"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_reason(faults, act, names, why):
    with pytest.raises(Refused, match=why):
        faults.apply(act, names)
    assert faults.as_facts() == {"stopped": [], "cut": []}


def test_a_node_drops_by_the_hardware_address_of_the_other_cables():
    assert 'iifname "eth0" ether saddr { 02:42:ac:12:00:03 } drop' in bar_script([1])
    assert bar_script([]).endswith("delete table inet netlab_link\n")
