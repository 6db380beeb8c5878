from netlab.policy.verdicts import judge, networks

from .worlds import NODE, labelled, namespace, pod, policy

WEB = {"containerPort": 80, "name": "web"}
A = pod("a", "10.244.1.2", app="a", ports=[WEB])
B = pod("b", "10.244.1.3", app="b", ports=[{**WEB, "containerPort": 81}])
FAR = pod("c", "10.244.2.2", ns="y", node="redes-worker2", app="a", ports=[WEB])
PODS = [A, B, FAR]
SPACES = [namespace("x", team="red"), namespace("y", team="blue")]
ONLY_A = labelled(app="a")


def verdict(*policies: dict, pods=PODS):
    """Of x/a."""
    (found,) = [one for one in judge(list(policies), pods, SPACES, NODE) if one.name == "x/a"]
    return found


def let_through(allows) -> list[str]:
    """`peer protocol/ports`, with * for any."""

    def text(one) -> str:
        ports = "-".join(map(str, sorted(set(one.ports)))) if one.ports else "*"
        return f"{one.peer or '*'} {one.protocol}/{ports}" if one.protocol else str(one.peer or "*")

    return [text(one) for one in allows]


def test_a_pod_no_policy_selects_is_not_isolated():
    assert judge([policy(select=labelled(app="nobody"))], PODS, SPACES, NODE) == []
    assert judge([policy(ns="z")], PODS, SPACES, NODE) == []


def test_only_the_pods_of_the_node_are_judged():
    everywhere = [policy(), policy(ns="y")]
    assert [one.name for one in judge(everywhere, PODS, SPACES, NODE)] == ["x/a", "x/b"]
    assert [one.name for one in judge(everywhere, PODS, SPACES, "redes-worker2")] == ["y/c"]


def test_a_policy_without_rules_lets_nothing_through():
    found = verdict(policy())
    assert found.ingress == () and found.egress is None


def test_the_types_say_which_directions_are_isolated():
    found = verdict(policy(types=["Egress"], ingress=[{}]))
    assert found.ingress is None and found.egress == ()


def test_an_empty_rule_lets_everything_through():
    assert let_through(verdict(policy(ingress=[{}])).ingress) == ["*"]


def test_policies_add_up():
    first = policy("one", ingress=[{"from": [{"podSelector": labelled(app="b")}]}])
    second = policy("two", select=ONLY_A, ingress=[{"ports": [{"port": 80, "protocol": "TCP"}]}])
    found = verdict(first, second)
    assert let_through(found.ingress) == ["10.244.1.3/32", "* tcp/80"]
    assert [one.policy for one in found.ingress] == ["x/one", "x/two"]


def test_a_pod_selector_alone_means_the_policys_namespace():
    found = verdict(policy(ingress=[{"from": [{"podSelector": ONLY_A}]}]))
    assert let_through(found.ingress) == ["10.244.1.2/32"]


def test_a_namespace_selector_alone_means_every_pod_there():
    found = verdict(policy(ingress=[{"from": [{"namespaceSelector": labelled(team="blue")}]}]))
    assert let_through(found.ingress) == ["10.244.2.2/32"]


def test_an_empty_namespace_selector_means_every_namespace():
    found = verdict(policy(ingress=[{"from": [{"namespaceSelector": {}}]}]))
    assert let_through(found.ingress) == ["10.244.1.2/32", "10.244.1.3/32", "10.244.2.2/32"]


def test_both_selectors_in_one_peer_must_hold_but_two_peers_add_up():
    both = {"namespaceSelector": labelled(team="blue"), "podSelector": labelled(app="b")}
    assert let_through(verdict(policy(ingress=[{"from": [both]}])).ingress) == []
    apart = [{key: value} for key, value in both.items()]
    found = verdict(policy(ingress=[{"from": apart}]))
    assert let_through(found.ingress) == ["10.244.2.2/32", "10.244.1.3/32"]


def test_not_in_holds_for_pods_without_the_label():
    rule = {"key": "app", "operator": "NotIn", "values": ["a"]}
    bare = pod("bare", "10.244.1.9")
    found = verdict(
        policy(ingress=[{"from": [{"podSelector": {"matchExpressions": [rule]}}]}]), pods=[*PODS, bare]
    )
    assert let_through(found.ingress) == ["10.244.1.3/32", "10.244.1.9/32"]


def test_a_port_range_and_a_protocol_without_port():
    ports = [{"port": 80, "endPort": 90, "protocol": "TCP"}, {"protocol": "UDP"}]
    assert let_through(verdict(policy(ingress=[{"ports": ports}])).ingress) == ["* tcp/80-90", "* udp/*"]


def test_a_named_port_of_ingress_is_the_isolated_pods_own():
    rules = policy(ingress=[{"ports": [{"port": "web", "protocol": "TCP"}]}])
    by_name = {one.name: let_through(one.ingress) for one in judge([rules], PODS, SPACES, NODE)}
    assert by_name == {"x/a": ["* tcp/80"], "x/b": ["* tcp/81"]}


def test_a_named_port_of_egress_is_each_peers_own():
    port = {"port": "web", "protocol": "TCP"}
    found = verdict(policy(types=["Egress"], egress=[{"ports": [port], "to": [{"podSelector": {}}]}]))
    assert let_through(found.egress) == ["10.244.1.2/32 tcp/80", "10.244.1.3/32 tcp/81"]


def test_a_pod_in_an_address_block_has_names_for_its_ports_too():
    port, block = {"port": "web", "protocol": "TCP"}, {"ipBlock": {"cidr": "10.244.1.3/32"}}
    found = verdict(policy(types=["Egress"], egress=[{"ports": [port], "to": [block]}]))
    assert let_through(found.egress) == ["10.244.1.3/32 tcp/81"]


def test_a_named_port_nobody_has_lets_nothing_through():
    other = {"port": "web", "protocol": "UDP"}
    found = verdict(policy(types=["Ingress", "Egress"], ingress=[{"ports": [other]}], egress=[]))
    assert found.ingress == () and found.egress == ()


def test_an_address_block_goes_without_its_exceptions():
    found = networks({"cidr": "10.0.0.0/30", "except": ["10.0.0.1/32", "10.0.0.2/32"]})
    assert [str(one) for one in found] == ["10.0.0.0/32", "10.0.0.3/32"]


def test_overlapping_exceptions_are_taken_once():
    found = networks({"cidr": "10.0.0.0/8", "except": ["10.192.0.0/10", "10.128.0.0/9"]})
    assert [str(one) for one in found] == ["10.0.0.0/9"]


def test_an_ipv6_block_means_no_packet_of_this_cluster():
    assert networks({"cidr": "2001:db8::/64"}) == []


def test_a_pod_on_its_nodes_network_is_not_isolated_nor_a_peer():
    agent = pod("agent", "172.18.0.3", spec={"hostNetwork": True})
    rules = policy(ingress=[{"from": [{"podSelector": {}}]}])
    found = judge([rules], [A, agent], SPACES, NODE)
    assert [one.name for one in found] == ["x/a"]
    assert let_through(found[0].ingress) == ["10.244.1.2/32"]


def test_pods_that_are_over_or_have_no_address_yet_are_no_peers():
    ended, coming = pod("ended", "10.244.1.7", phase="Succeeded"), pod("coming", None)
    found = judge([policy(ingress=[{"from": [{"podSelector": {}}]}])], [A, ended, coming], SPACES, NODE)
    assert {tuple(let_through(one.ingress)) for one in found} == {("10.244.1.2/32",)}
    assert "x/coming" in [one.name for one in found]  # isolated before it has an address
