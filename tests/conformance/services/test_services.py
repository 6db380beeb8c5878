"""Services by packets: each server answers with its pod's name and the source address it sees."""

import subprocess
from ipaddress import ip_address, ip_network

import pytest

from tests.conformance.worlds import KUBECTL, eventually, new_world, pod, service

pytestmark = pytest.mark.integration

_SERVE = """
socat UDP-LISTEN:53,fork,reuseaddr SYSTEM:'echo $HOSTNAME $SOCAT_PEERADDR' &
socat TCP-LISTEN:8443,fork,reuseaddr SYSTEM:'echo second $HOSTNAME' &
exec socat TCP-LISTEN:8080,fork,reuseaddr SYSTEM:'echo $HOSTNAME $SOCAT_PEERADDR'
"""
_ASK_TCP = "for i in $(seq $2); do exec 3<>/dev/tcp/$0/$1 && cat <&3 || exit; done"
# A datagram is read at one go: what bash's own `read` leaves of it is lost.
_ASK_UDP = "exec 3<>/dev/udp/$0/$1; echo ask >&3; timeout 2 dd bs=1500 count=1 status=none <&3"
# Asks anew, each time after the affinity of a second is over, until another server answers.
_LATER = """
ask() { exec 3<>/dev/tcp/$1/80 && read -r name rest <&3 && echo $name; }
first=$(ask $0); echo $first
for i in $(seq 20); do sleep 2; next=$(ask $0); echo $next; [ $next = $first ] || break; done
"""
_ECHO = "socat TCP-LISTEN:9090,fork,reuseaddr EXEC:cat >/dev/null 2>&1 </dev/null & disown"
_KNOCK = "exec 3<>/dev/tcp/$0/90 && echo open"
_GATED = {"readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1}}
WEB = [{"name": "web", "port": 80, "targetPort": "web"}]
ROUNDS = 400
# A fair coin of 400 throws leaves 200 +- 49 once in a million: 4.89 standard deviations of 10.
WIDEST = 49


def server(name: str, app: str = "web", node: str = "", **container) -> dict:
    ports = [{"name": "web", "containerPort": 8080}, {"name": "gram", "containerPort": 53, "protocol": "UDP"}]
    spec = {"nodeName": node} if node else {}
    return pod(name, "bash", "-c", _SERVE, labels={"app": app}, spec=spec, ports=ports, **container)


def ask(
    world, address: str, port: int, *, pod: str = "client", times: int = 1, seconds: int = 20
) -> list[str]:
    """What the servers said; what went wrong, if nothing was."""
    command = ("timeout", str(seconds), "bash", "-c", _ASK_TCP, address, str(port), str(times))
    done = world.attempt("exec", pod, "--", *command)
    return done.stdout.splitlines() or [done.stderr]


def answers(world, address: str, port: int, **options) -> set[str]:
    return {line.split()[0] for line in ask(world, address, port, **options) if line}


def address(world, name: str) -> str:
    return world.get("service", name)["spec"]["clusterIP"]


def address_of_pod(world, name: str) -> str:
    return world.get("pod", name)["status"]["podIP"]


@pytest.fixture(scope="module")
def nodes(kubeconfig) -> list[str]:
    """The names of two nodes that take pods."""
    with new_world(kubeconfig, "nodes") as world:
        free = [node for node in world.get("nodes")["items"] if not node["spec"].get("taints")]
    names = [node["metadata"]["name"] for node in free]
    assert len(names) >= 2, "these stories need two nodes without taints"
    return names[:2]


@pytest.fixture(scope="module")
def world(kubeconfig, nodes):
    """`one` and `two` serve on two nodes; a pod asks by `client`, the nodes by `desk` and `laptop`."""
    here, there = nodes
    with new_world(kubeconfig, "services") as made:
        made.apply(
            server("one", node=here),
            server("two", node=there),
            server("lone", "lone", node=here),
            pod("client", spec={"nodeName": there}),
            pod("desk", spec={"nodeName": here, "hostNetwork": True}),
            pod("laptop", spec={"nodeName": there, "hostNetwork": True}),
        )
        made.ready("one", "two", "lone", "client", "desk", "laptop")
        yield made


def expose(world, name: str, app: str = "web", ports: list[dict] | None = None, **spec) -> str:
    """A Service that answers; its cluster address."""
    world.apply(service(name, app, ports or WEB, **spec))
    return address(world, name)


def test_a_cluster_address_leads_to_every_endpoint(world):
    virtual = expose(world, "plain")
    eventually(lambda: answers(world, virtual, 80, times=20), {"one", "two"})


def test_addresses_come_from_a_range_that_can_be_read(world):
    (cidr, *_) = world.get("servicecidr", "kubernetes")["spec"]["cidrs"]
    assert ip_address(expose(world, "ranged")) in ip_network(cidr)
    foreign = world.refusal(
        "create", "service", "clusterip", "foreign", "--tcp=80", "--clusterip=203.0.113.1"
    )
    assert (
        "failed to allocate IP 203.0.113.1: the provided network does not match the current range" in foreign
    )


def test_the_choice_among_endpoints_is_fair(world):
    virtual = expose(world, "fair")
    eventually(lambda: answers(world, virtual, 80, times=20), {"one", "two"})
    lines = ask(world, virtual, 80, times=ROUNDS, seconds=120)
    assert len(lines) == ROUNDS
    first = sum(line.startswith("one ") for line in lines)
    assert abs(first - ROUNDS / 2) <= WIDEST, f"{first} of {ROUNDS}"


def test_several_ports_lead_to_several_targets(world):
    ports = [
        *WEB,
        {"name": "tls", "port": 443, "targetPort": 8443},
        {"name": "gram", "port": 53, "protocol": "UDP", "targetPort": "gram"},
    ]
    virtual = expose(world, "several", "lone", ports)
    eventually(lambda: ask(world, virtual, 443), ["second lone"])
    eventually(lambda: answers(world, virtual, 80), {"lone"})
    udp = ("exec", "client", "--", "bash", "-c", _ASK_UDP, virtual, "53")
    client = address_of_pod(world, "client")
    eventually(lambda: world.attempt(*udp).stdout, f"lone {client}\n")


def test_a_pod_sees_the_address_of_the_pod_that_asks(world):
    virtual = expose(world, "seen", "lone")
    eventually(lambda: ask(world, virtual, 80), [f"lone {address_of_pod(world, 'client')}"])


def test_without_endpoints_it_is_refused_at_once(world):
    virtual = expose(world, "empty", "nobody")
    eventually(lambda: "Connection refused" in ask(world, virtual, 80)[0], True)


def test_a_node_port_answers_on_a_node_without_endpoints(world):
    expose(world, "outside", "lone", type="NodePort")
    number = world.get("service", "outside")["spec"]["ports"][0]["nodePort"]
    there = world.get("pod", "laptop")["status"]["hostIP"]
    eventually(lambda: answers(world, there, number, pod="laptop"), {"lone"})


@pytest.mark.whole
def test_a_local_node_port_shows_its_source_and_answers_only_where_an_endpoint_is(world):
    expose(world, "local", "lone", type="NodePort", externalTrafficPolicy="Local")
    number = world.get("service", "local")["spec"]["ports"][0]["nodePort"]
    here = world.get("pod", "lone")["status"]["hostIP"]
    source = world.get("pod", "laptop")["status"]["hostIP"]
    eventually(lambda: ask(world, here, number, pod="laptop"), [f"lone {source}"])
    assert not answers(world, source, number, pod="desk", seconds=3) & {"lone"}


@pytest.mark.parametrize(("policy", "found"), [("Local", {"two"}), ("Cluster", {"one", "two"})])
def test_internal_traffic_stays_on_its_node_if_the_service_says_so(world, policy, found):
    virtual = expose(world, f"inside-{policy.lower()}", internalTrafficPolicy=policy)
    eventually(lambda: answers(world, virtual, 80, times=20), found)


def test_a_client_with_affinity_meets_one_endpoint(world):
    virtual = expose(world, "sticky", sessionAffinity="ClientIP")
    eventually(lambda: len(answers(world, virtual, 80, times=20) & {"one", "two"}), 1)


@pytest.mark.whole
def test_affinity_ends_with_its_time(world):
    """Each round begins after the time is over, so the choice is free again: 20 miss one in 2**19."""
    config = {"clientIP": {"timeoutSeconds": 1}}
    virtual = expose(world, "brief", sessionAffinity="ClientIP", sessionAffinityConfig=config)
    eventually(lambda: bool(answers(world, virtual, 80) & {"one", "two"}), True)
    assert len(set(world.run("client", "bash", "-c", _LATER, virtual).split())) == 2


@pytest.mark.whole
def test_a_connection_outlives_its_endpoint_in_the_service(world):
    world.apply(server("leaver", "leaver"))
    virtual = expose(world, "leaver", "leaver", [{"port": 90, "targetPort": 9090}])
    world.ready("leaver")
    world.run("leaver", "bash", "-c", _ECHO)
    eventually(lambda: world.attempt("exec", "client", "--", "bash", "-c", _KNOCK, virtual).stdout, "open\n")
    talk = [KUBECTL, "--kubeconfig", str(world.kubeconfig), "-n", world.namespace, "exec", "-i", "client"]
    talk += ["--", "socat", "-", f"TCP:{virtual}:90"]
    with subprocess.Popen(
        talk, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as open_one:
        open_one.stdin.write("before\n")
        assert open_one.stdout.readline() == "before\n"
        world.kubectl("label", "pod", "leaver", "app=gone", "--overwrite")
        eventually(lambda: "refused" in ask(world, virtual, 90)[0], True)
        open_one.stdin.write("after\n")
        assert open_one.stdout.readline() == "after\n"
        open_one.stdin.close()


@pytest.mark.whole
def test_readiness_opens_and_closes_the_way(world):
    world.apply(server("gated", "gated", **_GATED))
    hidden = expose(world, "gated", "gated")
    shown = expose(world, "early", "gated", publishNotReadyAddresses=True)
    eventually(lambda: answers(world, shown, 80), {"gated"})
    assert "Connection refused" in ask(world, hidden, 80)[0]
    world.run("gated", "touch", "/tmp/ready")
    eventually(lambda: answers(world, hidden, 80), {"gated"})
    world.run("gated", "rm", "/tmp/ready")
    eventually(lambda: "Connection refused" in ask(world, hidden, 80)[0], True)
