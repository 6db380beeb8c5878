"""netlab's own DNS pods: their ConfigMap, their log, their coming back."""

import time

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration

SYSTEM = ("-n", "kube-system")
COREFILE = """.:53 {
    errors
    log
    health
    ready
    kubernetes cluster.local in-addr.arpa {
       pods insecure
       ttl 7
    }
    rewrite name www.school.test kubernetes.default.svc.cluster.local
    hosts /dev/null {
       10.1.2.3 host.school.test
       fallthrough
    }
    reload 2s
}
"""


@pytest.fixture
def asker(netlab, namespace):
    """A pod that asks the cluster's DNS."""
    netlab.apply(pod("asker", namespace))
    netlab.kubectl("wait", "-n", namespace, "pod/asker", "--for=condition=Ready", "--timeout=20s")

    def dig(*words: str) -> str:
        return netlab.kubectl(
            "exec", "-n", namespace, "asker", "--", "dig", "+noall", "+answer", *words
        ).stdout

    return dig


@pytest.fixture
def corefile(netlab):
    """Put another Corefile in force by new pods; the first one comes back at the end."""
    first = netlab.get(*SYSTEM, "configmap", "coredns")["data"]["Corefile"]

    def serve(text: str) -> None:
        config = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "coredns", "namespace": "kube-system"},
        }
        netlab.apply({**config, "data": {"Corefile": text}})
        netlab.kubectl(*SYSTEM, "delete", "pods", "-l", "k8s-app=kube-dns", "--grace-period=1")

    def ready(text: str) -> None:
        serve(text)
        netlab.kubectl(*SYSTEM, "rollout", "status", "deployment/coredns", "--timeout=60s")

    ready.without_waiting = serve
    yield ready
    ready(first)


def test_dns_is_a_deployment_behind_kube_dns(netlab):
    netlab.kubectl(*SYSTEM, "rollout", "status", "deployment/coredns", "--timeout=30s")
    service = netlab.get(*SYSTEM, "service", "kube-dns")["spec"]
    assert service["clusterIP"] == "10.96.0.10"
    ports = [(port["name"], port["port"], port["protocol"]) for port in service["ports"]]
    assert ports == [("dns", 53, "UDP"), ("dns-tcp", 53, "TCP"), ("metrics", 9153, "TCP")]


def test_the_configmap_decides_the_answers(netlab, asker, corefile):
    assert "\t30\tIN\tA\t10.96.0.1" in asker("kubernetes.default.svc.cluster.local").replace(" ", "\t")
    corefile(COREFILE)
    assert asker("host.school.test").split()[1:] == ["3600", "IN", "A", "10.1.2.3"]
    assert asker("www.school.test").split()[1:] == ["7", "IN", "A", "10.96.0.1"]
    log = netlab.kubectl(*SYSTEM, "logs", "-l", "k8s-app=kube-dns").stdout
    assert '"A IN host.school.test. udp 57 false 1232" NOERROR qr,aa,rd' in log


def test_a_corefile_that_cannot_be_served_crashes_with_its_line(netlab, corefile):
    corefile.without_waiting(".:53 {\n    frobnicate\n}\n")
    pods = ("pods", "-l", "k8s-app=kube-dns")
    waiting = "jsonpath={.status.containerStatuses[0].state.waiting.reason}=CrashLoopBackOff"
    netlab.kubectl(*SYSTEM, "wait", *pods, f"--for={waiting}", "--timeout=30s")
    log = netlab.kubectl(*SYSTEM, "logs", "deployment/coredns").stdout
    assert "/etc/coredns/Corefile:2 - Error during parsing: Unknown directive 'frobnicate'" in log


def test_a_deleted_pod_comes_back_and_answers_go_on(netlab, asker):
    netlab.kubectl(*SYSTEM, "rollout", "status", "deployment/coredns", "--timeout=30s")
    before = netlab.get(*SYSTEM, "pods", "-l", "k8s-app=kube-dns")["items"]
    netlab.kubectl(*SYSTEM, "delete", "pod", before[0]["metadata"]["name"], "--wait=false")
    # While the old pod is in its lameduck seconds no question may be lost.
    until = time.monotonic() + 3
    while time.monotonic() < until:
        assert "10.96.0.1" in asker("+tries=1", "+timeout=2", "kubernetes.default.svc.cluster.local")
    netlab.kubectl(*SYSTEM, "rollout", "status", "deployment/coredns", "--timeout=30s")


def test_probes_and_scrapers_find_their_doors(netlab, asker, namespace):
    asker("kubernetes.default.svc.cluster.local")
    script = "curl -s http://kube-dns.kube-system:9153/metrics"
    text = netlab.kubectl("exec", "-n", namespace, "asker", "--", "bash", "-c", script).stdout
    assert 'coredns_dns_requests_total{server="dns://:53",zone=".",' in text
