"""The same packets under both modes of kube-proxy; the cluster is left in the first."""

import json

import pytest

from k8s_tasks.proxy_rules import flows, iptables, nftables
from k8s_tasks.proxy_rules.drawing import Part, pictures
from k8s_tasks.proxy_rules.reading import known_doors
from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

SERVE = "while :; do hostname | nc -N -l 80; done"
NET_ADMIN = {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}
NAMESPACE = "proxy-modes"


def set_mode(netlab, mode: str, *, verbosity: int = 0) -> None:
    config = netlab.get("configmap", "kube-proxy", "-n", "kube-system")["data"]["config.conf"]
    lines = [f"mode: {mode}" if line.startswith("mode:") else line for line in config.splitlines()]
    patch = json.dumps({"data": {"config.conf": "\n".join(lines)}})
    netlab.kubectl("patch", "configmap", "kube-proxy", "-n", "kube-system", "-p", patch)
    command = ["/usr/local/bin/kube-proxy", "--config=/var/lib/kube-proxy/config.conf", f"--v={verbosity}"]
    change = [{"op": "replace", "path": "/spec/template/spec/containers/0/command", "value": command}]
    daemons = ["daemonset/kube-proxy", "-n", "kube-system"]
    netlab.kubectl("patch", *daemons, "--type=json", "-p", json.dumps(change))
    netlab.kubectl("rollout", "restart", *daemons)
    netlab.kubectl("rollout", "status", *daemons, "--timeout=40s")


@pytest.fixture(scope="module")
def world(netlab):
    """Two replicas on two nodes, a client, and a window into the node redes-worker."""
    netlab.kubectl("create", "namespace", NAMESPACE)
    replicas = [
        pod(f"web{n}", NAMESPACE, "bash", "-c", SERVE, node=node)
        for n, node in ((1, "redes-worker"), (2, "redes-worker2"))
    ]
    for one in replicas:
        one["metadata"]["labels"] = {"app": "web"}
    node = pod("node", NAMESPACE, node="redes-worker", spec={"hostNetwork": True}, **NET_ADMIN)
    netlab.apply(*replicas, node, pod("client", NAMESPACE, node="redes-worker"))
    netlab.apply(
        service("web", NAMESPACE, {"app": "web"}, 80, type="NodePort"),
        service("nobody", NAMESPACE, {"app": "nobody"}, 80),
        service("sticky", NAMESPACE, {"app": "web"}, 80, sessionAffinity="ClientIP"),
        service("outer", NAMESPACE, {"app": "web"}, 80, externalIPs=["192.0.2.20"]),
    )
    for name, address, admitted in (
        ("open", "192.0.2.21", "10.244.0.0/16"),
        ("shut", "192.0.2.22", "203.0.113.0/24"),
    ):
        by_hand = {"loadBalancerClass": "tests.example/by-hand"}  # not MetalLB's
        wanted = {"type": "LoadBalancer", "loadBalancerSourceRanges": [admitted], **by_hand}
        netlab.apply(service(name, NAMESPACE, {"app": "web"}, 80, **wanted))
        status = json.dumps({"status": {"loadBalancer": {"ingress": [{"ip": address}]}}})
        netlab.kubectl("patch", "service", name, "-n", NAMESPACE, "--subresource=status", "-p", status)
    netlab.kubectl("wait", "-n", NAMESPACE, "pod", "--all", "--for=condition=Ready", "--timeout=30s")
    yield netlab
    set_mode(netlab, "iptables")
    netlab.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture(scope="module", params=["iptables", "nftables"])
def mode(world, request):
    set_mode(world, request.param, verbosity=3)
    return request.param


def run(netlab, name: str, script: str) -> str:
    return netlab.kubectl("exec", "-n", NAMESPACE, name, "--", "bash", "-c", script, ok=False).stdout


def ask(netlab, name: str, address: str, port: int = 80) -> set[str]:
    """Who answers of forty tries; nc serves one connection at a time, so some are refused."""
    tries = f"for i in $(seq 40); do nc -w1 {address} {port} </dev/null; done"
    return set(run(netlab, name, tries).split())


def spec(netlab, name: str) -> dict:
    return netlab.get("service", name, "-n", NAMESPACE)["spec"]


def test_every_replica_is_reached(world, mode):
    assert ask(world, "client", spec(world, "web")["clusterIP"]) == {"web1", "web2"}


def test_a_node_port_leads_to_pods_of_any_node(world, mode):
    node_port = spec(world, "web")["ports"][0]["nodePort"]
    assert ask(world, "node", "172.18.0.4", node_port) == {"web1", "web2"}


def test_an_external_address_leads_to_pods_of_any_node(world, mode):
    assert ask(world, "client", "192.0.2.20") == {"web1", "web2"}


def test_a_balancers_address_is_for_its_source_ranges_only(world, mode):
    assert ask(world, "client", "192.0.2.21") == {"web1", "web2"}
    assert run(world, "client", "nc -w1 192.0.2.22 80 </dev/null; echo $?") == "1\n"


def test_without_endpoints_a_service_refuses_at_once(world, mode):
    address = spec(world, "nobody")["clusterIP"]
    said = run(world, "client", f"nc -vw5 {address} 80 </dev/null 2>&1")
    assert "refused" in said


def test_a_client_is_remembered(world, mode):
    assert len(ask(world, "client", spec(world, "sticky")["clusterIP"])) == 1


def test_the_rules_are_of_the_mode_alone(world, mode):
    chains = run(world, "node", "iptables-save | grep -c KUBE-SVC; nft list chains ip | grep -c kube-proxy")
    by_iptables, by_nftables = (int(count) for count in chains.split())
    assert (by_iptables > 0, by_nftables > 0) == (mode == "iptables", mode == "nftables")


def test_the_log_tells_more_when_it_is_told_to(world, mode):
    (proxy,) = (
        one["metadata"]["name"]
        for one in world.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-proxy")["items"]
        if one["spec"]["nodeName"] == "redes-worker" and "deletionTimestamp" not in one["metadata"]
    )
    log = world.kubectl("logs", "-n", "kube-system", proxy).stdout
    assert f'"Using {mode} Proxier" verbosity=3' in log
    if mode == "nftables":  # in the other the rules were there already
        assert "SyncProxyRules complete" in log


def rules_read(netlab, mode: str):
    """As the portal reads them, from the same node."""
    if mode == "iptables":
        return iptables.read(run(netlab, "node", "iptables-save -c"), [NAMESPACE])
    known = known_doors(netlab.get("services", "-n", NAMESPACE)["items"])
    rules = nftables.read(run(netlab, "node", "nft list table ip kube-proxy"), [NAMESPACE], known)
    return flows.count(rules, run(netlab, "node", "conntrack -L"))


def counted(netlab, mode: str) -> dict[str, int]:
    """Of the Service web, by endpoint."""
    (web,) = (each for each in pictures(rules_read(netlab, mode), {}) if each.service == f"{NAMESPACE}/web")
    return {spot.id: spot.counted for spot in web.spots if spot.part == Part.ENDPOINT}


def test_what_the_portal_draws_counts_the_connections(world, mode):
    before = counted(world, mode)
    ask(world, "client", spec(world, "web")["clusterIP"])
    after = counted(world, mode)
    assert len(after) == 2
    assert all(after[end] > before[end] for end in after)
    if mode == "iptables":  # in the other mode old connections are forgotten meanwhile
        assert sum(after.values()) - sum(before.values()) == 40


def test_what_the_portal_draws_has_every_door_and_refusal(world, mode):
    drawn = {each.service: each for each in pictures(rules_read(world, mode), {})}
    assert drawn.keys() == {
        f"{NAMESPACE}/{name}" for name in ("web", "nobody", "sticky", "outer", "open", "shut")
    }
    refused = {name for name, each in drawn.items() if any(spot.part == Part.REFUSAL for spot in each.spots)}
    assert refused == {f"{NAMESPACE}/nobody"}
