"""The toolbox's own programs, in a real toolbox."""

import json
import subprocess

import pytest

from tests.netlab.worlds import pod, service

pytestmark = pytest.mark.integration
NET_ADMIN = {"securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}}


@pytest.fixture
def world(netlab, namespace):
    """A pod, another to ping, and the node agent beside the first."""
    netlab.apply(
        pod("a", namespace, node="redes-worker"),
        pod("b", namespace, node="redes-worker2"),
        pod("agent", namespace, node="redes-worker", spec={"hostNetwork": True}, **NET_ADMIN),
    )
    netlab.kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=20s")
    return namespace


def run(netlab, namespace: str, where: str, *argv: str, ok: bool = True):
    return netlab.kubectl("exec", "-n", namespace, where, "--", *argv, ok=ok)


def address(netlab, namespace: str, name: str) -> str:
    return netlab.get("pod", name, "-n", namespace)["status"]["podIP"]


def agent(netlab, namespace: str, *argv: str, ok: bool = True):
    return run(netlab, namespace, "agent", "redes-agent", *argv, ok=ok)


def test_every_tool_of_the_list_is_there(netlab, world):
    tools = (
        "ss ip iptables nft conntrack ethtool tcpdump tshark ping arping traceroute mtr nc socat curl "
        "openssl dig iperf3 jq vim.tiny nano kubectl netstat ps killall "
        "redes-run redes-kill redes-agent redes-dissect redes-idle redes-web redes-grpc"
    )
    look = f"for tool in {tools}; do type -P $tool >/dev/null || echo $tool; done"
    missing = run(netlab, world, "a", "bash", "-c", look)
    assert missing.stdout == ""


def test_a_capture_holds_the_packets_of_its_pod(netlab, world):
    agent(netlab, world, "capture", "start", "x1", address(netlab, world, "a"), "icmp")
    run(netlab, world, "a", "ping", "-c2", "-i0.2", address(netlab, world, "b"))
    read = "redes-agent capture read x1 | tcpdump -n -r - 2>/dev/null"
    seen = run(netlab, world, "agent", "bash", "-c", read).stdout
    assert (seen.count("echo request"), seen.count("echo reply")) == (2, 2)
    (listed,) = agent(netlab, world, "capture", "list").stdout.splitlines()
    assert json.loads(listed)["state"] == "running"
    agent(netlab, world, "capture", "stop", "x1")
    assert agent(netlab, world, "capture", "list").stdout == ""


def test_captures_of_one_beginning_are_ended_together_and_no_others(netlab, world):
    for name in ("one-a", "one-b", "two-a"):
        agent(netlab, world, "capture", "start", name, address(netlab, world, "a"), "icmp")
    agent(netlab, world, "capture", "end", "one-")
    (left,) = map(json.loads, agent(netlab, world, "capture", "list").stdout.splitlines())
    assert (left["id"], left["state"]) == ("two-a", "running")
    assert agent(netlab, world, "capture", "read", "one-a", ok=False).returncode == 3
    agent(netlab, world, "capture", "end", "two-")
    agent(netlab, world, "capture", "end", "two-")
    assert agent(netlab, world, "capture", "list").stdout == ""


def test_a_capture_that_is_started_several_times_at_once_is_started_once(netlab, world):
    """As when a worker was thought dead, and another does its work again beside it."""
    start = f"redes-agent capture start x2 {address(netlab, world, 'a')} icmp"
    told = run(
        netlab, world, "agent", "bash", "-c", f"for i in 1 2 3 4 5; do {start} & done 2>&1; wait"
    ).stdout
    assert told.splitlines() == ["redes-agent: capture x2 is running already"] * 4
    agent(netlab, world, "capture", "stop", "x2")
    assert run(netlab, world, "agent", "bash", "-c", "pgrep -a tcpdump || true").stdout == ""


def test_a_capture_is_refused_for_a_pod_elsewhere_and_for_a_bad_filter(netlab, world):
    elsewhere = agent(netlab, world, "capture", "start", "x", address(netlab, world, "b"), ok=False)
    assert (elsewhere.returncode, "is on this node" in elsewhere.stderr) == (1, True)
    bad = agent(
        netlab, world, "capture", "start", "x", address(netlab, world, "a"), "no such words", ok=False
    )
    assert (bad.returncode, "syntax error" in bad.stderr) == (1, True)


def test_a_link_is_watched_as_text_and_no_other_is(netlab, world):
    watching = f"timeout 20 redes-agent capture watch w1 {address(netlab, world, 'a')} icmp"
    told = run(netlab, world, "agent", "bash", "-c", f"{watching} 2>&1 | grep -m1 listening")
    assert "listening on veth" in told.stdout
    for words in ([address(netlab, world, "b")], ["10.244.1.2/0"], ["-w", "/tmp/x"], []):
        refused = agent(netlab, world, "capture", "watch", "w1", *words, ok=False)
        assert refused.returncode in (1, 2), words


def test_what_is_watched_is_kept_to_the_last_packet(netlab, world):
    watch = ["redes-agent", "capture", "watch", "w2", address(netlab, world, "a"), "icmp"]
    watching = ["exec", "-n", world, "agent", "--", "redes-run", "w2", "60", "--", *watch]
    with subprocess.Popen(
        ["kubectl", "--kubeconfig", str(netlab.kubeconfig), *watching],
        executable=netlab.program,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as client:
        assert "listening on" in client.stderr.readline()
        run(netlab, world, "a", "ping", "-c3", "-i0.2", address(netlab, world, "b"))
        run(netlab, world, "agent", "redes-kill", "w2")
        shown = client.stdout.read()
    assert (shown.count("echo request"), shown.count("echo reply")) == (3, 3)
    read = "redes-agent capture kept w2 | tcpdump -n -r - 2>/dev/null"
    assert run(netlab, world, "agent", "bash", "-c", read).stdout == shown
    agent(netlab, world, "capture", "drop", "w2")
    assert agent(netlab, world, "capture", "kept", "w2", ok=False).returncode == 3


@pytest.mark.parametrize("name", ["../x", "a b", "$(id)", "-w", ""])
def test_a_name_that_could_be_something_else_is_refused(netlab, world, name):
    done = agent(netlab, world, "capture", "start", name, "10.244.1.2", ok=False)
    assert done.returncode == 2


def test_reading_a_capture_whose_tcpdump_died_says_so(netlab, world):
    agent(netlab, world, "capture", "start", "x2", address(netlab, world, "a"))
    run(netlab, world, "agent", "bash", "-c", "pkill -KILL tcpdump; while pgrep tcpdump; do :; done")
    done = agent(netlab, world, "capture", "read", "x2", ok=False)
    assert (done.returncode, "has died" in done.stderr) == (3, True)


def test_the_view_shows_the_node(netlab, world):
    seen = json.loads(agent(netlab, world, "view").stdout)
    assert "10.244.2.0/24" in {route["dst"] for route in seen["routes"]}
    assert seen.keys() == {"links", "addresses", "routes", "neighbours"}


def test_a_run_has_a_deadline_and_gives_the_exit_code(netlab, world):
    assert run(netlab, world, "a", "redes-run", "r1", "1", "--", "sleep", "60", ok=False).returncode == 124
    assert (
        run(netlab, world, "a", "redes-run", "r2", "9", "--", "sh", "-c", "exit 5", ok=False).returncode == 5
    )


def test_a_kill_ends_all_a_run_has_started_and_nothing_else(netlab, world):
    command = ["exec", "-n", world, "a", "--", "redes-run", "r3", "60", "--"]
    stubborn = "trap '' TERM; sleep 61 & echo up; sleep 62; sleep 63"
    with subprocess.Popen(
        ["kubectl", "--kubeconfig", str(netlab.kubeconfig), *command, "sh", "-c", stubborn],
        executable=netlab.program,
        stdout=subprocess.PIPE,
    ) as client:
        assert client.stdout.readline() == b"up\n"
        # timeout, sh and its two sleeps
        assert run(netlab, world, "a", "redes-kill", "r3").stdout == "4\n"
    assert client.returncode == 137
    left = run(netlab, world, "a", "bash", "-c", "pgrep -fa 'sleep 6[123]'", ok=False)
    assert left.stdout == ""
    assert run(netlab, world, "a", "redes-kill", "r3").stdout == "0\n"


@pytest.fixture
def echo(netlab, namespace):
    """Two gRPC servers behind a Service, and behind one without an address of its own."""
    ready = {"readinessProbe": {"tcpSocket": {"port": 50051}, "periodSeconds": 1}}
    servers = [pod(name, namespace, "redes-grpc", "serve", "50051", **ready) for name in ("e1", "e2")]
    for each in servers:
        each["metadata"]["labels"] = {"app": "echo"}
    netlab.apply(
        *servers,
        service("echo", namespace, {"app": "echo"}, 50051),
        service("all", namespace, {"app": "echo"}, 50051, clusterIP="None"),
    )
    netlab.kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=60s")
    return namespace


def servers(told: str) -> dict[tuple[str, str], list[str]]:
    """The words that each server got, by its name and the client's socket."""
    found: dict[tuple[str, str], list[str]] = {}
    for line in told.splitlines():
        name, _saw, client, _say, word = line.split()
        found.setdefault((name, client), []).append(word)
    return found


def test_grpc_calls_share_a_channel_unless_each_has_its_own(netlab, echo):
    kept = servers(run(netlab, echo, "e1", "redes-grpc", "call", "echo:50051", "w", "4").stdout)
    assert list(kept.values()) == [["w-1.", "w-2.", "w-3.", "w-4."]]
    apart = servers(run(netlab, echo, "e1", "redes-grpc", "call", "echo:50051", "w", "4", "--each").stdout)
    assert sorted(apart.values()) == [["w-1."], ["w-2."], ["w-3."], ["w-4."]]


def test_a_grpc_client_takes_the_addresses_of_a_name_in_turn(netlab, echo):
    told = run(netlab, echo, "e1", "redes-grpc", "call", "all:50051", "w", "40", "--round-robin").stdout
    assert {name for name, _client in servers(told)} == {"e1", "e2"}
    assert len(servers(told)) == 2


def test_a_grpc_client_says_when_nobody_answers(netlab, echo):
    done = run(netlab, echo, "e1", "redes-grpc", "call", "localhost:50052", "w", "4", ok=False)
    assert (done.returncode, "call 1" in done.stderr) == (7, True)
