"""A pod's /etc/resolv.conf for each dnsPolicy."""

from netlab import topology
from netlab.node.resolver import full_name, resolv_conf

CLUSTER_FIRST = """\
search shop.svc.cluster.local svc.cluster.local cluster.local
nameserver 10.96.0.10
options ndots:5
"""
NODES_OWN = "nameserver 172.18.0.1\n"


def text(**spec) -> str:
    return resolv_conf({"metadata": {"namespace": "shop"}, "spec": spec}, topology.build())


def test_cluster_first_is_the_rule_for_pods():
    assert text() == text(dnsPolicy="ClusterFirst") == CLUSTER_FIRST


def test_on_the_nodes_network_the_cluster_must_be_asked_for():
    assert text(dnsPolicy="ClusterFirst", hostNetwork=True) == NODES_OWN
    assert text(dnsPolicy="ClusterFirstWithHostNet", hostNetwork=True) == CLUSTER_FIRST


def test_default_is_the_nodes_own():
    assert text(dnsPolicy="Default") == NODES_OWN


def test_none_leaves_all_to_the_configuration():
    config = {"nameservers": ["10.9.9.9"], "searches": ["school.test"], "options": [{"name": "edns0"}]}
    wanted = "search school.test\nnameserver 10.9.9.9\noptions edns0\n"
    assert text(dnsPolicy="None", dnsConfig=config) == wanted


def test_a_configuration_adds_to_the_policy_and_its_options_win():
    config = {
        "nameservers": ["10.96.0.10", "10.9.9.9"],
        "searches": ["school.test"],
        "options": [{"name": "ndots", "value": "2"}],
    }
    assert text(dnsConfig=config) == (
        "search shop.svc.cluster.local svc.cluster.local cluster.local school.test\n"
        "nameserver 10.96.0.10\nnameserver 10.9.9.9\noptions ndots:2\n"
    )


def test_a_subdomain_gives_the_pod_a_full_name():
    pod = {"metadata": {"namespace": "shop"}, "spec": {"subdomain": "db"}}
    assert full_name(pod, "first") == "first.db.shop.svc.cluster.local"
    assert full_name({"metadata": {}, "spec": {}}, "first") is None
