"""Services on real iptables chains."""

import pytest

from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

SERVE = "while :; do hostname | nc -N -l 80; done"


def client(netlab, namespace: str, script: str) -> str:
    return netlab.kubectl("exec", "-n", namespace, "client", "--", "bash", "-c", script, ok=False).stdout


@pytest.fixture
def world(netlab, namespace):
    """Two replicas on two nodes, an idle client, a Service on port 80."""
    replicas = [
        pod(f"web{n}", namespace, "bash", "-c", SERVE, node=node)
        for n, node in ((1, "redes-worker"), (2, "redes-worker2"))
    ]
    for one in replicas:
        one["metadata"]["labels"] = {"app": "web"}
    netlab.apply(*replicas, pod("client", namespace, node="redes-worker"))
    netlab.apply(service("web", namespace, {"app": "web"}, 80))
    netlab.kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=20s")
    return namespace


def cluster_ip(netlab, namespace: str) -> str:
    return netlab.get("service", "web", "-n", namespace)["spec"]["clusterIP"]


def node_rules(netlab, namespace: str, table: str) -> str:
    netlab.apply(pod("agent", namespace, node="redes-worker", spec={"hostNetwork": True}, **NET_ADMIN))
    netlab.kubectl("wait", "-n", namespace, "pod/agent", "--for=condition=Ready", "--timeout=20s")
    return netlab.kubectl("exec", "-n", namespace, "agent", "--", "iptables-save", "-t", table).stdout


NET_ADMIN = {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}


def test_a_cluster_address_reaches_every_replica(netlab, world):
    address = cluster_ip(netlab, world)
    # nc serves one connection at a time, so a try may be refused; forty are enough for two replicas.
    answers = client(netlab, world, f"for i in $(seq 40); do nc -w1 {address} 80 </dev/null; done")
    assert set(answers.split()) == {"web1", "web2"}


def test_the_chains_are_kube_proxys(netlab, world):
    rules = node_rules(netlab, world, "nat")
    assert f"{world}/web cluster IP" in rules
    assert "-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-" in rules
    assert "-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp" in rules


def test_without_endpoints_the_chain_vanishes_and_the_service_refuses(netlab, world):
    address = cluster_ip(netlab, world)
    netlab.kubectl("patch", "service", "web", "-n", world, "-p", '{"spec":{"selector":{"app":"nobody"}}}')
    script = f"until nc -w1 -zv {address} 80 2>&1 | grep -q refused; do :; done; nc -w1 -zv {address} 80 2>&1"
    assert "refused" in client(netlab, world, f"timeout 10 bash -c '{script}'")
    assert "has no endpoints" in node_rules(netlab, world, "filter")
    assert f"{world}/web cluster IP" not in node_rules(netlab, world, "nat")


def test_the_api_is_reached_through_its_service(netlab, world):
    answer = client(netlab, world, "curl -sk https://10.96.0.1/version")
    assert '"gitVersion":"v1.36.0+netlab"' in answer.replace(" ", "")


def test_a_udp_flow_moves_on_when_its_endpoint_goes(netlab, world):
    for name in ("web1", "web2"):
        netlab.kubectl("label", "pod", "-n", world, name, f"one={name}")
        listen = "setsid socat -u UDP-RECVFROM:53,fork SYSTEM:'cat >> /tmp/got' >/dev/null 2>&1 &"
        netlab.kubectl("exec", "-n", world, name, "--", "bash", "-c", listen)
    netlab.apply(service("udp", world, {"one": "web1"}, 53, ports=[{"port": 53, "protocol": "UDP"}]))
    address = netlab.get("service", "udp", "-n", world)["spec"]["clusterIP"]
    send = f"echo %s | socat - UDP:{address}:53,sourceport=4000"
    until_it_came = "until grep -q %s /tmp/got 2>/dev/null; do :; done"

    def arrives(word: str, name: str) -> None:
        sending = f"timeout 10 bash -c 'while :; do {send % word}; done' & echo"
        client(netlab, world, f"setsid {sending} >/dev/null 2>&1")
        wait = f"timeout 8 bash -c '{until_it_came % word}'"
        netlab.kubectl("exec", "-n", world, name, "--", "bash", "-c", wait)

    arrives("first", "web1")
    netlab.kubectl("patch", "service", "udp", "-n", world, "-p", '{"spec":{"selector":{"one":"web2"}}}')
    arrives("second", "web2")
