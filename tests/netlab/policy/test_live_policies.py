"""NetworkPolicies on real packets: what the truth table of tests/conformance does not ask."""

import json
import subprocess
import time
from contextlib import contextmanager
from ipaddress import IPv4Address

import pytest

from tests.netlab.conftest import start
from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

SERVE = ["socat", "TCP-LISTEN:80,fork,reuseaddr", "EXEC:cat"]
ADMIN = {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}


def policy(namespace: str, select: dict, *types: str, name="p", **rules) -> dict:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": select}, "policyTypes": list(types), **rules},
    }


class Scene:
    """A cluster, a namespace, and short ways to speak of the pods in it."""

    def __init__(self, cluster, namespace: str):
        self.cluster, self.namespace = cluster, namespace

    def place(self, *pods: dict) -> None:
        self.cluster.apply(*pods)
        for one in pods:
            name = one["metadata"]["name"]
            ready = ("--for=condition=Ready", "--timeout=30s")
            self.cluster.kubectl("wait", "-n", self.namespace, f"pod/{name}", *ready)

    def isolate(self, select: dict, *types: str, **rules) -> None:
        self.cluster.apply(policy(self.namespace, select, *types, **rules))

    def address(self, name: str) -> str:
        return self.cluster.get("pod", name, "-n", self.namespace)["status"]["podIP"]

    def shell(self, name: str, script: str) -> str:
        command = ("exec", "-n", self.namespace, name, "--", "bash", "-c", script)
        return self.cluster.kubectl(*command, ok=False).stdout

    def reaches(self, name: str, address: str, port: int = 80) -> bool:
        return "yes" in self.shell(name, f"nc -w1 -z {address} {port} && echo yes")

    def await_reach(self, name: str, address: str, *, wanted: bool, port: int = 80) -> None:
        test = f"nc -w1 -z {address} {port}"
        loop = f"until {test}; do :; done" if wanted else f"while {test}; do :; done"
        assert "done" in self.shell(name, f"timeout 10 bash -c '{loop}' && echo done")

    @contextmanager
    def running(self, name: str, *argv: str):
        """An exec that goes on beside the test."""
        command = [self.cluster.program, "--kubeconfig", str(self.cluster.kubeconfig)]
        where = ["exec", "-i", "-n", self.namespace, name, "--"]
        process = subprocess.Popen(
            [*command, *where, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            yield process
        finally:
            process.kill()
            process.communicate()


@pytest.fixture
def scene(netlab, namespace):
    return Scene(netlab, namespace)


def server(scene, name="web", node="redes-worker", **spec) -> dict:
    return pod(name, scene.namespace, *SERVE, node=node, **spec)


def agent(scene, node: str) -> dict:
    return pod(f"on-{node}", scene.namespace, node=node, spec={"hostNetwork": True}, **ADMIN)


def test_a_policy_is_in_force_within_a_second(scene):
    scene.place(server(scene), pod("client", scene.namespace, node="redes-worker2"))
    address = scene.address("web")
    script = f"while nc -w2 -z {address} 80; do date +%s.%N; done"
    with scene.running("client", "bash", "-c", script) as asking:
        assert float(asking.stdout.readline()) > 0
        scene.isolate({"app": "web"}, "Ingress")
        applied = time.time()
        times = [float(line) for line in asking.stdout]
    assert times[-1] < applied + 1


def test_its_own_node_always_reaches_a_pod_other_nodes_need_leave(scene):
    scene.isolate({"app": "web"}, "Ingress")
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1}
    scene.place(server(scene, readinessProbe=probe))  # Ready: the kubelet's probe gets through
    scene.place(agent(scene, "redes-worker"), agent(scene, "redes-worker2"))
    address = scene.address("web")
    assert scene.reaches("on-redes-worker", address)
    assert not scene.reaches("on-redes-worker2", address)
    scene.isolate({"app": "web"}, "Ingress", ingress=[{"from": [{"ipBlock": {"cidr": "172.18.0.4/32"}}]}])
    scene.await_reach("on-redes-worker2", address, wanted=True)


def test_a_pod_on_its_nodes_network_is_not_isolated(scene):
    scene.isolate({}, "Ingress", "Egress")
    scene.place(agent(scene, "redes-worker"), agent(scene, "redes-worker2"))
    assert scene.reaches("on-redes-worker", "172.18.0.2", 6443)


def test_a_service_is_judged_by_the_endpoint_behind_it(scene):
    scene.place(server(scene, "open"), server(scene, "shut"), pod("client", scene.namespace))
    scene.cluster.apply(
        service("open", scene.namespace, {"app": "open"}, 80),
        service("shut", scene.namespace, {"app": "shut"}, 80),
    )
    to_open = [{"to": [{"podSelector": {"matchLabels": {"app": "open"}}}], "ports": [{"port": 80}]}]
    scene.isolate({"app": "client"}, "Egress", egress=to_open)
    by_name = {name: cluster_ip(scene, name) for name in ("open", "shut")}
    scene.await_reach("client", by_name["open"], wanted=True)
    assert not scene.reaches("client", by_name["shut"])


def cluster_ip(scene, name: str) -> str:
    return scene.cluster.get("service", name, "-n", scene.namespace)["spec"]["clusterIP"]


def test_a_pod_reaches_itself_through_its_service(scene):
    scene.isolate({}, "Ingress", "Egress")
    scene.place(server(scene))
    scene.cluster.apply(service("web", scene.namespace, {"app": "web"}, 80))
    scene.await_reach("web", cluster_ip(scene, "web"), wanted=True)


def test_an_established_connection_outlives_a_policy(scene):
    scene.place(server(scene), pod("client", scene.namespace, node="redes-worker2"))
    address = scene.address("web")
    with scene.running("client", "nc", address, "80") as talk:
        assert echo(talk, "before") == "before"
        scene.isolate({"app": "web"}, "Ingress")
        scene.await_reach("client", address, wanted=False)
        assert echo(talk, "after") == "after"


def echo(talk: subprocess.Popen, word: str) -> str:
    talk.stdin.write(word + "\n")
    talk.stdin.flush()
    return talk.stdout.readline().strip()


def pings_of_a_new_pod(scene, name: str) -> str:
    """What a ping says that ran at the pod's address while it came to be."""
    scene.place(pod("before", scene.namespace, node="redes-worker"))
    scene.place(pod("client", scene.namespace, node="redes-worker2"))
    expected, client = IPv4Address(scene.address("before")) + 1, scene.address("client")
    ping = ["timeout", "30", "stdbuf", "-oL", "ping", "-n", "-i", "0.002", str(expected)]
    with scene.running("client", *ping) as pings:
        assert pings.stdout.readline().startswith("PING")
        scene.place(pod(name, scene.namespace, node="redes-worker"))
        assert scene.address(name) == str(expected)
        # Its own pings go out: its link is up, and its node knows where to send what waited for it.
        assert " 20 received" in scene.shell(name, f"ping -n -c 20 -i 0.02 {client}")
        pings.terminate()
        return pings.stdout.read()


def test_a_new_pod_of_an_isolated_set_is_closed_from_its_first_packet(scene):
    scene.isolate({"app": "late"}, "Ingress")
    assert "bytes from" not in pings_of_a_new_pod(scene, "late")


def test_a_new_pod_that_no_policy_selects_is_open(scene):
    scene.isolate({"app": "late"}, "Ingress")
    assert "bytes from" in pings_of_a_new_pod(scene, "free")


def test_a_closed_pod_stays_closed_while_its_rules_change(scene):
    scene.isolate({"app": "web"}, "Ingress")
    scene.place(server(scene), pod("client", scene.namespace, node="redes-worker2"))
    address = scene.address("web")
    # One echo that slips through would make all that follow part of an established exchange.
    with scene.running("client", "timeout", "60", "stdbuf", "-oL", "ping", "-i", "0.002", address) as pings:
        assert pings.stdout.readline().startswith("PING")
        for number in range(8):
            peer = {"podSelector": {"matchLabels": {"app": f"friend-{number}"}}}
            block = {"ipBlock": {"cidr": f"192.0.2.{number}/32"}}
            scene.isolate({"app": "web"}, "Ingress", ingress=[{"from": [peer, block]}])
        pings.terminate()
        assert "bytes from" not in pings.stdout.read()


def test_the_chains_go_with_the_policy_and_no_pod_keeps_rules(scene):
    scene.place(server(scene), agent(scene, "redes-worker"))
    before = chains(scene)
    scene.isolate({"app": "web"}, "Ingress", ingress=[{"ports": [{"port": 80, "protocol": "SCTP"}]}])
    shown = f'--comment "to {scene.namespace}/web"'
    script = f"timeout 10 bash -c 'until iptables-save | grep -q {scene.namespace}/web; do :; done'"
    scene.shell("on-redes-worker", script)
    rules = scene.shell("on-redes-worker", "iptables-save -t filter")
    assert shown.replace('"', "") in rules.replace('"', "")
    scene.cluster.kubectl("delete", "networkpolicy", "p", "-n", scene.namespace)
    gone = f"timeout 10 bash -c 'while iptables-save | grep -q {scene.namespace}/web; do :; done'"
    scene.shell("on-redes-worker", gone)
    assert chains(scene) - before <= {"NETPOL"}


def chains(scene) -> set[str]:
    saved = scene.shell("on-redes-worker", "iptables-save -t filter")
    return {line.split()[0][1:] for line in saved.splitlines() if line.startswith(":NETPOL")}


def test_without_enforcement_policies_are_stored_only(images, tmp_path):
    cluster = start(tmp_path, "--no-policy")
    try:
        cluster.apply(policy("default", {"app": "web"}, "Ingress"))
        scene = Scene(cluster, "default")
        scene.place(server(scene), pod("client", "default"))
        scene.await_reach("client", scene.address("web"), wanted=True)
        (stored,) = json.loads(cluster.kubectl("get", "netpol", "-o", "json").stdout)["items"]
        assert stored["spec"]["policyTypes"] == ["Ingress"]
    finally:
        cluster.process.terminate()
        cluster.process.wait(20)
