"""kube-proxy's nftables rules, as text."""

from netlab.node import nftrules
from netlab.node.services import Endpoint, ServicePort

PODS = "10.244.0.0/16"


def port(*addresses: str, local: str = "", **changes) -> ServicePort:
    endpoints = tuple(Endpoint(address, 8080, local=address == local) for address in addresses)
    return ServicePort("default/web", "tcp", "10.96.0.50", 80, None, endpoints, **changes)


def rules(*ports: ServicePort) -> nftrules.Ruleset:
    return nftrules.ruleset(list(ports), PODS)


def lines(old: nftrules.Ruleset, new: nftrules.Ruleset) -> list[str]:
    return "".join(nftrules.pieces(old, new)).splitlines()


def test_an_address_leads_to_a_service_and_the_service_to_one_of_its_endpoints():
    made = rules(port("10.244.1.2", "10.244.2.3"))
    (way,) = made.elements["service-ips"].items()
    assert way == ("10.96.0.50 . tcp . 80", "goto service-LOLE4ISW-default/web/tcp/")
    choice = made.chains["service-LOLE4ISW-default/web/tcp/"][-1]
    assert choice.startswith("numgen random mod 2 vmap { 0 : goto endpoint-")
    assert "default/web/tcp/__10.244.2.3/8080 }" in choice


def test_a_service_without_endpoints_is_rejected():
    made = rules(port())
    assert made.chains == {}
    assert made.elements["no-endpoint-services"] == {"10.96.0.50 . tcp . 80": "goto reject-chain"}


def test_without_local_endpoints_a_local_policy_drops():
    made = rules(port("10.244.2.3", internal_local=True))
    assert made.elements["no-endpoint-services"] == {"10.96.0.50 . tcp . 80": "drop"}
    assert made.elements["service-ips"] == {}


def test_addresses_from_outside_lead_to_the_external_chain_past_a_firewall():
    made = rules(port("10.244.1.2", balancer_ips=("192.0.2.2",), source_ranges=("203.0.113.0/24",)))
    assert made.elements["service-ips"]["192.0.2.2 . tcp . 80"] == "goto external-LOLE4ISW-default/web/tcp/"
    (firewall,) = made.elements["firewall-ips"].values()
    assert made.chains[firewall.removeprefix("goto ")] == ["ip saddr != { 203.0.113.0/24 } drop"]


def test_a_remembered_client_is_looked_for_before_the_choice():
    made = rules(port("10.244.1.2", affinity_seconds=60))
    chain = made.chains["service-LOLE4ISW-default/web/tcp/"]
    assert chain[1].startswith("ip saddr @affinity-") and chain[2].startswith("numgen")
    assert set(made.affinities.values()) == {60}


def test_a_new_endpoint_writes_two_chains_and_no_map():
    before, after = rules(port("10.244.1.2")), rules(port("10.244.1.2", "10.244.1.3"))
    written = lines(before, after)
    assert len([line for line in written if line.startswith("add chain")]) == 2
    assert not [line for line in written if "element" in line]


def test_what_leads_to_a_chain_goes_before_the_chain():
    written = lines(rules(port("10.244.1.2")), rules())
    kinds = [" ".join(line.split()[:2]) for line in written]
    assert kinds == ["delete element"] * 2 + ["flush chain"] * 2 + ["delete chain"] * 2
    assert "endpoint-" in written[-1]


def test_a_large_change_comes_in_small_messages():
    many = [
        ServicePort(f"default/s{n}", "tcp", f"10.96.1.{n}", 80, None, (Endpoint("10.244.1.2", 80, False),))
        for n in range(200)
    ]
    assert max(text.count("\n") for text in nftrules.pieces(nftrules.Ruleset(), rules(*many))) <= 100
