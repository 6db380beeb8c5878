"""Addresses and announcers, as MetalLB chooses them; no kernel."""

import pytest

from netlab.addons.loadbalancer import FROM_POOL
from netlab.addons.loadbalancer.arp import frame, reply
from netlab.addons.loadbalancer.controller import AddressController
from netlab.addons.loadbalancer.election import EXCLUDED, World, announcer
from netlab.addons.loadbalancer.pools import NoAddress, choose, pool
from netlab.store import Store

ASKER, OWN, NOBODY = b"\x02" * 6, b"\x04" * 6, b"\0" * 6


def a_pool(name: str = "first", addresses: str = "172.18.255.200-172.18.255.201", **spec):
    return {"metadata": {"name": name}, "spec": {"addresses": [addresses], **spec}}


def service(address: str = "", *, annotations: dict | None = None, **spec) -> dict:
    made = {"metadata": {"namespace": "shop", "name": "web", "annotations": annotations or {}}, "spec": spec}
    if address:
        made["metadata"]["annotations"][FROM_POOL] = "first"
        made["status"] = {"loadBalancer": {"ingress": [{"ip": address}]}}
    return made


def given(one: dict, *pools: dict, used: dict | None = None, now: str = "") -> tuple[str, str]:
    return choose(one, [pool(obj) for obj in pools], used or {}, {}, now)


def test_the_first_free_address_is_given():
    used = {"172.18.255.200": "shop/other"}
    assert given(service(), a_pool(), used=used) == ("172.18.255.201", "first")


def test_an_address_is_kept():
    assert given(service(), a_pool(), now="172.18.255.201") == ("172.18.255.201", "first")


def test_a_full_pool_gives_none():
    with pytest.raises(NoAddress, match="no available IPs"):
        given(service(), a_pool(addresses="172.18.255.200/32"), used={"172.18.255.200": "x/y"})


def test_the_lowest_priority_comes_first_and_none_last():
    pools = [a_pool("a"), a_pool("b", "10.0.0.1/32", serviceAllocation={"priority": 9})]
    assert given(service(), *pools) == ("10.0.0.1", "b")


def test_a_pool_without_auto_assign_is_for_those_that_name_it():
    hidden = a_pool("hidden", autoAssign=False)
    named = service(annotations={"metallb.io/address-pool": "hidden"})
    assert given(named, hidden) == ("172.18.255.200", "hidden")
    with pytest.raises(NoAddress, match="no available IPs"):
        given(service(), hidden)


def test_an_address_that_is_asked_for_is_given_from_its_pool_only():
    asked = service(annotations={"metallb.io/loadBalancerIPs": "172.18.255.201"})
    assert given(asked, a_pool()) == ("172.18.255.201", "first")
    with pytest.raises(NoAddress, match="is not allowed in config"):
        given(service(loadBalancerIP="192.0.2.1"), a_pool())
    with pytest.raises(NoAddress, match="also in use by shop/other"):
        given(asked, a_pool(), used={"172.18.255.201": "shop/other"})


def test_buggy_addresses_are_avoided():
    assert len(pool(a_pool(addresses="10.0.0.0/24"))) == 256
    assert len(pool(a_pool(addresses="10.0.0.0/24", avoidBuggyIPs=True))) == 254


def node(name: str, **labels) -> dict:
    return {"metadata": {"name": name, "labels": labels}}


def elected(one: dict, *nodes: dict, speakers=("n1", "n2", "n3"), holder="n2", **advertisement) -> str | None:
    slices = [{"endpoints": [{"nodeName": holder, "conditions": {"ready": True}}]}]
    world = World(list(nodes), set(speakers), [a_pool()], [{"spec": advertisement}])
    return announcer(one, slices, world)


NODES = [node("n1"), node("n2"), node("n3")]
OURS = service("172.18.255.200")


def test_every_address_has_its_own_order_of_nodes():
    assert elected(OURS, *NODES) == "n1"
    others = {elected(service(f"172.18.255.{n}"), *NODES) for n in range(200, 220)}
    assert others == {"n1", "n2", "n3"}


def test_without_its_speaker_another_node_takes_over():
    assert elected(OURS, *NODES, speakers=("n2", "n3")) in ("n2", "n3")
    assert elected(OURS, *NODES, speakers=()) is None


def test_a_labelled_node_announces_nothing():
    assert elected(OURS, node("n1", **{EXCLUDED: ""}), *NODES[1:]) in ("n2", "n3")


def test_under_a_local_policy_only_a_node_with_an_endpoint_announces():
    local = service("172.18.255.200", externalTrafficPolicy="Local")
    assert elected(local, *NODES, holder="n3") == "n3"


def test_an_advertisement_may_be_for_other_pools_nodes_or_interfaces():
    assert elected(OURS, *NODES, ipAddressPools=["second"]) is None
    assert elected(OURS, *NODES, nodeSelectors=[{"matchLabels": {"zone": "a"}}]) is None
    assert elected(OURS, *NODES, interfaces=["eth1"]) is None


def test_a_request_for_an_announced_address_is_answered_and_no_other():
    client, wanted = bytes([172, 18, 0, 1]), bytes([172, 18, 255, 200])
    request = frame(1, ASKER, client, NOBODY, wanted)
    assert reply(request, OWN, {"172.18.255.200"}) == frame(2, OWN, wanted, ASKER, client)
    assert reply(request, OWN, {"172.18.255.201"}) is None
    assert reply(frame(2, ASKER, client, NOBODY, wanted), OWN, {"172.18.255.200"}) is None


def test_why_a_service_has_no_address_is_forgotten_with_it():
    store = Store()
    controller = AddressController(store)
    kind = {"apiVersion": "v1", "kind": "Service"}
    store.create("services", {**kind, **service(type="LoadBalancer")})
    controller.sync(lambda text: None)
    assert list(controller._failed) == ["shop/web"]
    store.delete("services", "shop", "web")
    controller.sync(lambda text: None)
    assert controller._failed == {}
