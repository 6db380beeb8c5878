"""MetalLB's layer 2 on a running cluster: a client outside the nodes asks an address, by ARP and by HTTP."""

import json
import subprocess

import pytest

from netlab.addons.loadbalancer.election import EXCLUDED
from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration

SPACE = "metallb-system"
ADDRESS = "172.18.254.210"
SERVE = ["python3", "-m", "http.server", "80"]


def kind(name: str, of: str, **spec) -> dict:
    meta = {"name": name, "namespace": SPACE}
    return {"apiVersion": "metallb.io/v1beta1", "kind": of, "metadata": meta, "spec": spec}


@pytest.fixture(scope="module")
def web(netlab):
    """A pool of one address that only this namespace gets, and a Service that has it."""
    namespace = "balanced"
    netlab.kubectl("create", "namespace", namespace)
    pods = pod("web", namespace, *SERVE, node="redes-worker")
    pods["metadata"]["labels"] = {"app": "web"}
    ours = {"namespaces": [namespace]}
    pool = kind("live", "IPAddressPool", addresses=[f"{ADDRESS}/32"], serviceAllocation=ours)
    auto_assign(netlab, on=False)
    netlab.apply(pods, pool, kind("live", "L2Advertisement", ipAddressPools=["live"]))
    netlab.apply(service("web", namespace, {"app": "web"}, 80, type="LoadBalancer"))
    netlab.kubectl("wait", "-n", namespace, "pod/web", "--for=condition=Ready", "--timeout=20s")
    given = "--for=jsonpath={.status.loadBalancer.ingress[0].ip}=" + ADDRESS
    netlab.kubectl("wait", "-n", namespace, "service/web", given, "--timeout=10s")
    netlab.kubectl("rollout", "status", "daemonset/speaker", "-n", SPACE, "--timeout=30s")
    yield namespace
    netlab.kubectl("delete", "-n", SPACE, "ipaddresspool/live", "l2advertisement/live")
    netlab.kubectl("delete", "namespace", namespace, "--wait=false")
    auto_assign(netlab, on=True)


def auto_assign(netlab, *, on: bool) -> None:
    """Whether the cluster's own pool gives addresses to whoever asks."""
    spec = json.dumps({"spec": {"autoAssign": on}})
    netlab.kubectl("patch", "-n", SPACE, "ipaddresspool/redes", "--type=merge", "-p", spec)


def outside(netlab, *argv: str) -> str:
    """Run a program of this machine on the laptop: in the box's own network, outside every node."""
    enter = ["nsenter", f"--target={netlab.server_pid}", "--user", "--mount", "--net", "--"]
    return subprocess.run([*enter, *argv], capture_output=True, text=True, timeout=20).stdout


def neighbour(netlab) -> str:
    """Whose hardware address the laptop has for the Service's."""
    (known,) = json.loads(outside(netlab, "ip", "-j", "neigh", "show", ADDRESS))
    return known["lladdr"]


def hardware(netlab, node: str) -> str:
    return json.loads(outside(netlab, "ip", "-n", node, "-j", "link", "show", "eth0"))[0]["address"]


def code(netlab) -> str:
    ask = f"for i in 1 2 3 4 5; do exec 3<>/dev/tcp/{ADDRESS}/80 && break; done 2>/dev/null; "
    return outside(netlab, "bash", "-c", ask + r"printf 'GET / HTTP/1.0\r\n\r\n' >&3; head -1 <&3").strip()


def await_announcer(netlab, *nodes: str) -> str:
    """The node of these that announces: its MAC is the one the laptop learns within ten seconds."""
    macs = {hardware(netlab, node): node for node in nodes}
    wanted = "|".join(macs)
    look = f"until ip neigh show {ADDRESS} | grep -qE '{wanted}'; do echo > /dev/udp/{ADDRESS}/9; done"
    outside(netlab, "timeout", "10", "bash", "-c", look)
    return macs[neighbour(netlab)]


NODES = {"redes-control-plane", "redes-worker", "redes-worker2"}


def test_a_client_outside_reaches_the_service_by_its_announcer(netlab, web):
    first = await_announcer(netlab, *NODES)
    assert code(netlab) == "HTTP/1.0 200 OK"
    events = netlab.get("events", "-n", web, "--field-selector=reason=nodeAssigned")["items"]
    assert events[-1]["message"] == f'announcing from node "{first}" with protocol "layer2"'


def test_another_node_takes_over_from_one_that_is_excluded(netlab, web):
    first = await_announcer(netlab, *NODES)
    netlab.kubectl("label", "node", first, f"{EXCLUDED}=")
    second = await_announcer(netlab, *(NODES - {first}))
    assert second != first and code(netlab) == "HTTP/1.0 200 OK"
    netlab.kubectl("label", "node", first, f"{EXCLUDED}-")
    assert await_announcer(netlab, first) == first


def test_another_node_takes_over_when_the_speakers_pod_is_deleted(netlab, web):
    first = await_announcer(netlab, *NODES)
    before = netlab.get("events", "-n", web, "--field-selector=reason=nodeAssigned")["items"]
    field = f"--field-selector=spec.nodeName={first}"
    netlab.kubectl("delete", "pod", "-n", SPACE, "-l", "component=speaker", field)
    netlab.kubectl("rollout", "status", "daemonset/speaker", "-n", SPACE, "--timeout=20s")
    assert await_announcer(netlab, first) == first
    after = netlab.get("events", "-n", web, "--field-selector=reason=nodeAssigned")["items"]
    assert sum(one["count"] for one in after) >= sum(one["count"] for one in before) + 2


def test_the_pool_tells_what_it_gave(netlab, web):
    status = netlab.get("ipaddresspool", "live", "-n", SPACE)["status"]
    assert (status["assignedIPv4"], status["availableIPv4"]) == (1, 0)
    netlab.apply(service("late", web, {"app": "web"}, 80, type="LoadBalancer"))
    watch = [
        "get",
        "events",
        "-n",
        web,
        "--field-selector=reason=AllocationFailed",
        "--watch",
        "--no-headers",
    ]
    command = ["timeout", "10", netlab.program, "--kubeconfig", str(netlab.kubeconfig), *watch]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
        told = watching.stdout.readline()
        watching.terminate()
    assert 'Failed to allocate IP for "balanced/late": no available IPs' in told
