"""The Ingress add-on on a running cluster: a real nginx in front of real pods, asked from a node."""

import subprocess

import pytest

from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

ANSWER = r"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n%s\n"
SERVE = ["bash", "-c", f"while :; do printf '{ANSWER}' $HOSTNAME | nc -N -l 8080; done"]
ECHO = ["socat", "UDP-LISTEN:5000,fork,reuseaddr", "SYSTEM:cat"]
CONTROLLER = ("-n", "nginx-ingress", "deploy/nginx-ingress")


def to_8080(name: str, namespace: str) -> dict:
    found = service(name, namespace, {"app": name}, 80)
    found["spec"]["ports"][0]["targetPort"] = 8080
    return found


@pytest.fixture(scope="module")
def shop(netlab):
    """Two services of one pod each, an echo over UDP, and a client on another node's own network."""
    namespace = "ingress-live"
    netlab.kubectl("create", "namespace", namespace)
    pods = [pod(name, namespace, *SERVE, node="redes-worker") for name in ("tea", "coffee")]
    pods.append(pod("echo", namespace, *ECHO, node="redes-worker"))
    for one in pods:
        one["metadata"]["labels"] = {"app": one["metadata"]["name"]}
    outside = pod("outside", namespace, node="redes-worker2", spec={"hostNetwork": True})
    services = [to_8080(name, namespace) for name in ("tea", "coffee")]
    datagrams = service("echo", namespace, {"app": "echo"}, 5000)
    datagrams["spec"]["ports"][0]["protocol"] = "UDP"
    netlab.apply(*pods, outside, *services, datagrams)
    netlab.kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=30s")
    yield namespace
    netlab.kubectl("delete", "namespace", namespace, "--wait=false")


def ingress(namespace: str, name: str, host: str, annotations: dict | None = None, **paths: str) -> dict:
    rules = [
        {
            "path": f"/{path}",
            "pathType": "Prefix",
            "backend": {"service": {"name": to, "port": {"number": 80}}},
        }
        for path, to in paths.items()
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations or {}},
        "spec": {"ingressClassName": "nginx", "rules": [{"host": host, "http": {"paths": rules}}]},
    }


def await_event(netlab, namespace: str, name: str, reason: str) -> None:
    watch = ["get", "events", "-n", namespace, f"--field-selector=involvedObject.name={name}", "--watch"]
    shown = ["-o", r"jsonpath={.reason}{'\n'}"]
    command = [netlab.program, "--kubeconfig", str(netlab.kubeconfig), *watch, *shown]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert any(line.strip() == reason for line in process.stdout)
        process.terminate()


def address_of(netlab) -> str:
    ports = netlab.get("service", "nginx-ingress", "-n", "nginx-ingress")["spec"]["ports"]
    return f"172.18.0.3:{ports[0]['nodePort']}"


def ask(netlab, namespace: str, host: str, path: str) -> str:
    """The answer, as soon as nginx knows the host."""
    curl = f"curl -sf --max-time 5 -H 'Host: {host}' http://{address_of(netlab)}{path}"
    ask = ["exec", "-n", namespace, "outside", "--", "bash", "-c", f"until {curl}; do :; done"]
    return netlab.kubectl(*ask).stdout.strip()


def test_paths_of_a_host_lead_to_their_services_from_outside(netlab, shop):
    netlab.apply(ingress(shop, "cafe", "cafe.example", tea="tea", coffee="coffee"))
    assert ask(netlab, shop, "cafe.example", "/tea") == "tea"
    assert ask(netlab, shop, "cafe.example", "/coffee") == "coffee"
    code = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", f"http://{address_of(netlab)}/tea"]
    assert netlab.kubectl("exec", "-n", shop, "outside", "--", *code).stdout == "404"


def test_the_configuration_and_the_log_are_nginx_own(netlab, shop):
    netlab.apply(ingress(shop, "read", "read.example", {"nginx.org/lb-method": "least_conn"}, tea="tea"))
    ask(netlab, shop, "read.example", "/tea?seen")
    whole = netlab.kubectl("exec", *CONTROLLER, "--", "nginx", "-T").stdout
    assert "least_conn;" in whole
    assert "server_name read.example;" in whole
    assert "GET /tea?seen HTTP/1.1" in netlab.kubectl("logs", *CONTROLLER).stdout


def test_an_annotation_that_is_wrong_is_told_and_hurts_nobody_else(netlab, shop):
    netlab.apply(ingress(shop, "good", "good.example", tea="tea"))
    netlab.apply(ingress(shop, "bad", "bad.example", {"nginx.org/lb-method": "by feeling"}, tea="tea"))
    await_event(netlab, shop, "bad", "Rejected")
    assert ask(netlab, shop, "good.example", "/tea") == "tea"


def test_datagrams_pass_a_transport_server(netlab, shop):
    group = "k8s.nginx.org/v1"
    listeners = {"listeners": [{"name": "udp", "port": 5353, "protocol": "UDP"}]}
    netlab.apply(
        {
            "apiVersion": group,
            "kind": "GlobalConfiguration",
            "metadata": {"name": "nginx-configuration", "namespace": "nginx-ingress"},
            "spec": listeners,
        },
        {
            "apiVersion": group,
            "kind": "TransportServer",
            "metadata": {"name": "echo", "namespace": shop},
            "spec": {
                "listener": {"name": "udp", "protocol": "UDP"},
                "upstreams": [{"name": "echo", "service": "echo", "port": 5000}],
                "upstreamParameters": {"udpRequests": 1, "udpResponses": 1},
                "action": {"pass": "echo"},
            },
        },
    )
    state = "--for=jsonpath={.status.state}=Valid"
    netlab.kubectl("wait", "-n", shop, "transportserver/echo", state, "--timeout=10s")
    (controller,) = netlab.get("pods", "-n", "nginx-ingress")["items"]
    address = controller["status"]["podIP"]
    send = f"for i in 1 2 3; do echo word | nc -u -w1 {address} 5353 && break; done"
    answer = netlab.kubectl("exec", "-n", shop, "tea", "--", "bash", "-c", send).stdout
    assert answer == "word\n"
