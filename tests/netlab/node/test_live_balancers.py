"""Addresses from outside the cluster, on real iptables chains: externalIPs and those of load balancers."""

import json

import pytest

from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration


@pytest.fixture
def world(netlab, namespace):
    """A web server on redes-worker2 and a client on redes-worker."""
    web = pod("web", namespace, "python3", "-m", "http.server", "80", node="redes-worker2")
    web["metadata"]["labels"] = {"app": "web"}
    netlab.apply(web, pod("client", namespace, node="redes-worker"))
    netlab.kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=20s")
    return namespace


def answers(netlab, namespace: str, url: str, code: str) -> bool:
    """Whether the client gets this HTTP code within five seconds of trying; 000 is no answer at all."""
    once = f"curl -s -o /dev/null -m1 -w '%{{http_code}}' {url}"
    script = f'for i in $(seq 50); do [ "$({once})" = {code} ] && exit; read -t 0.1 <> <(:); done; exit 1'
    done = netlab.kubectl(
        "exec", "-n", namespace, "client", "--", "timeout", "5", "bash", "-c", script, ok=False
    )
    return done.returncode == 0


def balancer(netlab, namespace: str, address: str, **spec) -> dict:
    ours = {"type": "LoadBalancer", "loadBalancerClass": "tests.example/by-hand"}  # not MetalLB's
    netlab.apply(service("web", namespace, {"app": "web"}, 80, **ours, **spec))
    status = {"status": {"loadBalancer": {"ingress": [{"ip": address}]}}}
    patch = ["patch", "service", "web", "-n", namespace, "--subresource=status", "-p", json.dumps(status)]
    netlab.kubectl(*patch)
    return netlab.get("service", "web", "-n", namespace)


def test_an_external_address_leads_to_the_service(netlab, world):
    netlab.apply(service("web", world, {"app": "web"}, 80, externalIPs=["192.0.2.10"]))
    assert answers(netlab, world, "http://192.0.2.10/", "200")


def test_a_balancers_address_is_for_its_source_ranges_only(netlab, world):
    balancer(netlab, world, "192.0.2.11", loadBalancerSourceRanges=["10.244.0.0/16"])
    assert answers(netlab, world, "http://192.0.2.11/", "200")
    balancer(netlab, world, "192.0.2.11", loadBalancerSourceRanges=["203.0.113.0/24"])
    assert answers(netlab, world, "http://192.0.2.11/", "000")


def test_the_health_check_port_tells_where_a_local_endpoint_is(netlab, world):
    made = balancer(netlab, world, "192.0.2.13", externalTrafficPolicy="Local")
    number = made["spec"]["healthCheckNodePort"]
    assert answers(netlab, world, f"http://172.18.0.4:{number}/", "200")
    assert answers(netlab, world, f"http://172.18.0.3:{number}/", "503")
