import weakref
from dataclasses import replace

from netlab.node import rules
from netlab.node.iptables import pieces
from netlab.node.proxy import stale_flows
from netlab.node.services import Endpoint, ServicePort, ServiceReader

NODE = "redes-worker"


def service(name="web", *, ports=None, **spec) -> dict:
    return {
        "metadata": {"namespace": "default", "name": name},
        "spec": {"clusterIP": "10.96.0.50", "ports": ports or [{"port": 80, "protocol": "TCP"}], **spec},
    }


def endpoint_slice(*endpoints: dict, service="web", port=8080) -> dict:
    return {
        "metadata": {"namespace": "default", "name": "s", "labels": {"kubernetes.io/service-name": service}},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"port": port, "protocol": "TCP", "name": ""}],
    }


def endpoint(address: str, *, node=NODE, **conditions) -> dict:
    return {"addresses": [address], "nodeName": node, "conditions": {"ready": True, **conditions}}


def port(*addresses: str, **changes) -> ServicePort:
    endpoints = tuple(Endpoint(address, 8080, local=False) for address in addresses)
    return ServicePort("default/web", "tcp", "10.96.0.50", 80, None, endpoints, **changes)


def nat(one: ServicePort) -> rules.Chains:
    return rules.tables([one], "10.244.0.0/16")["nat"]


def test_chains_have_the_names_kube_proxy_gives_them():
    https = ServicePort("default/kubernetes:https", "tcp", "10.96.0.1", 443, None, ())
    assert https.hash == "NPX46M4PTMTKRN6Y"


def test_rule_k_of_n_is_taken_with_one_in_what_is_left():
    one = port("10.244.1.2", "10.244.1.3", "10.244.1.4")
    chain = nat(one)[f"KUBE-SVC-{one.hash}"]
    chances = [word for rule in chain for word in rule.split() if word.startswith("0.")]
    assert chances == ["0.33333333333", "0.50000000000"]


def test_a_chain_stands_after_those_it_jumps_to():
    order = list(nat(port("10.244.1.2")))
    kinds = [name[:9] for name in order if name.startswith(("KUBE-SEP-", "KUBE-SVC-", "KUBE-SERV"))]
    assert kinds == ["KUBE-SEP-", "KUBE-SVC-", "KUBE-SERV"]


def test_a_service_without_endpoints_is_refused_in_the_filter_table_only():
    tables = rules.tables([port()], "10.244.0.0/16")
    assert not [chain for chain in tables["nat"] if chain.startswith("KUBE-SVC")]
    (rule,) = tables["filter"]["KUBE-SERVICES"]
    assert "has no endpoints" in rule and "icmp-port-unreachable" in rule


def test_affinity_remembers_the_client_before_it_chooses():
    one = port("10.244.1.2", "10.244.1.3", affinity_seconds=60)
    chain = nat(one)[f"KUBE-SVC-{one.hash}"]
    assert ["--rcheck" in rule for rule in chain] == [False, True, True, False, False]


def test_a_local_policy_without_local_endpoints_drops():
    one = port("10.244.2.2", internal_local=True)
    (rule,) = rules.tables([one], "10.244.0.0/16")["filter"]["KUBE-SERVICES"]
    assert rule.endswith("-j DROP")


def test_addresses_from_outside_lead_to_the_external_chain():
    one = port("10.244.1.2", external_ips=("192.0.2.1",), balancer_ips=("192.0.2.2",))
    rules_of_services = nat(one)["KUBE-SERVICES"]
    assert [rule.split()[1] for rule in rules_of_services[:3]] == [
        "10.96.0.50/32",
        "192.0.2.1/32",
        "192.0.2.2/32",
    ]
    assert all(rule.endswith(f"-j KUBE-EXT-{one.hash}") for rule in rules_of_services[1:3])


def test_a_balancer_with_source_ranges_stands_behind_a_firewall():
    one = port("10.244.1.2", balancer_ips=("192.0.2.2",), source_ranges=("203.0.113.0/24",))
    chains = rules.tables([one], "10.244.0.0/16")
    first, last = chains["nat"][f"KUBE-FW-{one.hash}"]
    assert first.startswith("-s 203.0.113.0/24 ") and first.endswith(f"-j KUBE-EXT-{one.hash}")
    assert " -j " not in last
    (dropped,) = chains["filter"]["KUBE-PROXY-FIREWALL"]
    assert dropped.startswith("-d 192.0.2.2/32 ") and dropped.endswith("-j DROP")


def test_without_endpoints_addresses_from_outside_refuse():
    one = port(external_ips=("192.0.2.1",))
    (rule,) = rules.tables([one], "10.244.0.0/16")["filter"]["KUBE-EXTERNAL-SERVICES"]
    assert rule.startswith("-d 192.0.2.1/32 ") and "REJECT" in rule


def test_only_ready_endpoints_are_used():
    slices = [endpoint_slice(endpoint("10.244.1.2"), endpoint("10.244.1.3", ready=False))]
    (found,) = ServiceReader(NODE).read([service()], slices)
    assert [str(one) for one in found.endpoints] == ["10.244.1.2:8080"]


def test_when_none_is_ready_those_that_still_serve_are_used():
    leaving = endpoint("10.244.1.3", ready=False, serving=True, terminating=True)
    (found,) = ServiceReader(NODE).read([service()], [endpoint_slice(leaving)])
    assert [str(one) for one in found.endpoints] == ["10.244.1.3:8080"]


def test_headless_and_external_services_have_no_rules():
    services = [service(clusterIP="None"), service(type="ExternalName")]
    assert ServiceReader(NODE).read(services, []) == []


def test_only_changed_chains_are_written():
    old = {"A": ["-j ACCEPT"], "B": ["-j DROP"]}
    (text,) = pieces("nat", old, {"A": ["-j ACCEPT"], "B": ["-j RETURN"]})
    assert text == "*nat\n:B - [0:0]\n-A B -j RETURN\nCOMMIT\n"


def test_nothing_is_written_when_nothing_changed():
    assert list(pieces("nat", {"A": ["x"]}, {"A": ["x"]})) == []


def test_a_chain_that_went_is_emptied_before_it_is_deleted():
    first, second = pieces("nat", {"GONE": ["-j ACCEPT"]}, {})
    assert ":GONE - [0:0]" in first and "-X GONE" in second


def test_a_large_change_comes_in_small_transactions():
    chains = {f"C{number}": ["-j ACCEPT"] * 10 for number in range(60)} | {"BIG": ["-j RETURN"] * 400}
    texts = list(pieces("nat", {}, chains))
    assert max(text.count("\n") for text in texts) <= 153
    assert sum(text.count("-A ") for text in texts) == 1000
    assert sum(text.count(":BIG ") for text in texts) == 1


def udp(*addresses: str) -> ServicePort:
    endpoints = tuple(Endpoint(address, 8080, local=False) for address in addresses)
    return ServicePort("default/web", "udp", "10.96.0.50", 80, None, endpoints)


def test_flows_to_an_endpoint_that_went_are_forgotten():
    flows = list(stale_flows([udp("10.244.1.2", "10.244.1.3")], [udp("10.244.1.3")]))
    assert flows == [["--orig-dst", "10.96.0.50", "--dst-nat", "10.244.1.2"]]


def test_flows_to_an_address_from_outside_are_forgotten_too():
    before = replace(udp("10.244.1.2"), balancer_ips=("192.0.2.2",))
    assert ["--orig-dst", "192.0.2.2", "--dst-nat", "10.244.1.2"] in stale_flows([before], [udp()])


def test_flows_refused_for_want_of_endpoints_are_forgotten_when_one_comes():
    assert list(stale_flows([udp()], [udp("10.244.1.2")])) == [["--orig-dst", "10.96.0.50"]]


def test_flows_over_tcp_end_by_themselves():
    assert list(stale_flows([port("10.244.1.2")], [port()])) == []


def test_what_was_worked_out_for_a_port_goes_with_it():
    one = port("10.244.1.2")
    assert nat(one)[f"KUBE-SVC-{one.hash}"] is nat(one)[f"KUBE-SVC-{one.hash}"]
    gone = weakref.ref(one)
    del one
    assert gone() is None
