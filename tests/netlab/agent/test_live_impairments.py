"""Impairments on real packets, by whatever this machine's kernel has."""

import json
import re

import pytest

from tests.netlab.worlds import pod

pytestmark = pytest.mark.integration
NET_ADMIN = {"securityContext": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}}
# 30 % of 1200 is 360; six standard deviations (15.9) away lies one right build in 10^8.
DATAGRAMS, LEAST, MOST = 1200, 745, 935


@pytest.fixture(scope="module")
def pods(netlab):
    """Pods a and c of one node with its agent, and b on another node."""
    namespace, host = "impairments", {"spec": {"hostNetwork": True}, **NET_ADMIN}
    netlab.kubectl("create", "namespace", namespace)
    netlab.apply(
        pod("a", namespace, node="redes-worker"),
        pod("b", namespace, node="redes-worker2"),
        pod("c", namespace, node="redes-worker"),
        pod("agent", namespace, "redes-agent", "serve", node="redes-worker", **host),
    )
    netlab.kubectl("wait", "-n", namespace, "pod", "--all", "--for=condition=Ready", "--timeout=20s")
    yield World(netlab, namespace)
    netlab.kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture
def world(pods):
    """The pods; afterwards nothing may be left of what was done to them."""
    yield pods
    undo = "for verb in impair mtu route; do redes-agent $verb clear $0; redes-agent $verb list; done"
    assert pods.run("agent", "bash", "-c", undo, pods.address("a")).stdout == ""


class World:
    def __init__(self, netlab, namespace: str):
        self._netlab, self._namespace = netlab, namespace
        self._addresses: dict[str, str] = {}

    def run(self, where: str, *argv: str, ok: bool = True):
        return self._netlab.kubectl("exec", "-n", self._namespace, where, "--", *argv, ok=ok)

    def agent(self, *argv: str, ok: bool = True):
        return self.run("agent", "redes-agent", *argv, ok=ok)

    def listed(self, verb: str) -> list[dict]:
        return [json.loads(line) for line in self.agent(verb, "list").stdout.splitlines()]

    def address(self, name: str) -> str:
        if name not in self._addresses:
            pod = self._netlab.get("pod", name, "-n", self._namespace)
            self._addresses[name] = pod["status"]["podIP"]
        return self._addresses[name]

    def wait(self, name: str, condition: str) -> None:
        where = ["-n", self._namespace, f"pod/{name}"]
        self._netlab.kubectl("wait", *where, f"--for={condition}", "--timeout=20s")

    def replace(self, name: str) -> None:
        """Another pod of the same name, on the same node."""
        self._netlab.kubectl("delete", "-n", self._namespace, "pod", name, "--grace-period=0", "--force")
        self._netlab.apply(pod(name, self._namespace, node="redes-worker"))
        self.wait(name, "condition=Ready")
        self._addresses.pop(name, None)

    def restarts(self, name: str) -> int:
        (container,) = self._netlab.get("pod", name, "-n", self._namespace)["status"]["containerStatuses"]
        return container["restartCount"]

    def ping(self, target: str, source: str = "b") -> float:
        """The least of ten round trips in ms: what the link itself takes, however busy the machine is.

        Without a deadline (-w) ping waits only two round trips for the last answer."""
        told = self.run(source, "ping", "-c10", "-w20", "-i0.05", self.address(target)).stdout
        times = [float(text) for text in re.findall(r"time=([\d.]+)", told)]
        assert len(times) >= 10, told
        return min(times)

    def deliveries(self, target: str) -> int:
        """How many of DATAGRAMS datagrams from b reach the pod: counted by its own stack."""
        before = self._received(target)
        send = f"for i in $(seq {DATAGRAMS}); do echo $i > /dev/udp/{self.address(target)}/9; done"
        self.run("b", "bash", "-c", send + " 2>/dev/null")
        return self._received(target) - before

    def _received(self, where: str) -> int:
        words = self.run(where, "bash", "-c", "grep ^Udp: /proc/net/snmp | tail -1").stdout.split()
        return int(words[1]) + int(words[2])  # for a reader, and for nobody


def test_the_toolboxs_tcpdump_is_not_the_one_that_apparmor_confines_by_its_path(world):
    assert world.run("a", "sh", "-c", "command -v tcpdump").stdout == "/usr/local/bin/tcpdump\n"
    assert world.run("a", "tcpdump", "-d", "icmp").stdout.startswith("(000)")


def test_on_a_node_without_legacy_tables_the_agent_speaks_nftables(world):
    assert "nf_tables" in world.run("agent", "iptables", "--version").stdout


def test_a_third_of_the_datagrams_to_the_pod_is_lost_and_none_after_removal(world):
    world.agent("impair", "set", world.address("a"), "to-pod", "loss=30")
    assert LEAST <= world.deliveries("a") <= MOST
    assert world.deliveries("c") == DATAGRAMS  # the other pod of the node
    world.agent("impair", "clear", world.address("a"))
    assert world.deliveries("a") == DATAGRAMS


@pytest.mark.parametrize("direction", ["to-pod", "from-pod"])
def test_tcp_delivers_all_by_sending_again(world, direction):
    world.agent("impair", "set", world.address("a"), direction, "loss=20")
    sender, receiver = ("b", "a") if direction == "to-pod" else ("a", "b")
    listen = "timeout 30 nc -N -l 5000 > /tmp/got & while ! ss -Hltn | grep -q :5000; do :; done"
    world.run(receiver, "bash", "-c", listen)
    address = world.address(receiver)
    send = f"seq 20000 | timeout 30 nc -N {address} 5000; nstat -az TcpRetransSegs | tail -1"
    again = world.run(sender, "bash", "-c", send).stdout.split()
    assert int(again[1]) > 0
    arrived = "while pgrep -x nc >/dev/null; do :; done; tail -1 /tmp/got"
    assert world.run(receiver, "bash", "-c", arrived).stdout == "20000\n"


def test_a_delay_is_added_once_and_to_this_pod_alone(world):
    plain, other = world.ping("a"), world.ping("c")
    world.agent("impair", "set", world.address("a"), "to-pod", "delay=50")
    assert 50 <= world.ping("a") - plain < 100
    assert world.ping("c") - other < 50
    world.agent("impair", "clear", world.address("a"))
    world.agent("impair", "set", world.address("a"), "from-pod", "delay=50")
    assert 50 <= world.ping("a") - plain < 100


@pytest.mark.parametrize("direction", ["to-pod", "from-pod"])
def test_a_rate_holds(world, direction):
    world.agent("impair", "set", world.address("a"), direction, "rate=2000")
    client, server = ("b", "a") if direction == "to-pod" else ("a", "b")
    world.run(server, "bash", "-c", "iperf3 -s -1 -D; while ! ss -Hltn | grep -q :5201; do :; done")
    report = json.loads(world.run(client, "iperf3", "-J", "-t2", "-c", world.address(server)).stdout)
    assert 1_000_000 < report["end"]["sum_received"]["bits_per_second"] < 2_300_000


def test_without_its_process_the_relay_delays_nothing_and_the_list_says_so(world):
    world.agent("impair", "set", world.address("a"), "to-pod", "delay=200")
    (listed,) = world.listed("impair")
    if listed["mechanisms"] == {"delay": "netem"}:
        return
    end = "pkill -KILL -f '[ ]relay '; while pgrep -f '[ ]relay '; do :; done"
    world.run("agent", "bash", "-c", end)
    assert world.ping("a") < 150
    (listed,) = world.listed("impair")
    assert "relay has died" in listed["broken"]


def test_a_replaced_agent_takes_its_impairments_up_again(world):
    world.agent("impair", "set", world.address("a"), "to-pod", "delay=80", "loss=1")
    before = world.listed("impair")
    world.run("agent", "kill", "-TERM", "1", ok=False)
    world.wait("agent", "jsonpath={.status.containerStatuses[0].restartCount}=1")
    world.wait("agent", "condition=Ready")
    assert world.listed("impair") == before


def test_what_belongs_to_a_pod_that_is_gone_is_dropped(world):
    world.agent("impair", "set", world.address("c"), "from-pod", "delay=10", "rate=1000")
    world.agent("route", "blackhole", world.address("c"))
    world.replace("c")
    assert (world.listed("impair"), world.listed("route")) == ([], [])
    assert "redes" not in world.run("agent", "bash", "-c", "ip link; iptables -t mangle -S").stdout


def test_a_burst_of_interfaces_neither_ends_the_agent_nor_makes_it_deaf(world):
    world.agent("route", "blackhole", world.address("c"))
    restarts = world.restarts("agent")
    burst = "for i in $(seq 300); do echo link add b$i type veth; echo link del b$i; done | ip -batch -"
    # While another holds the agent's lock, its tender reads no news: the burst is more than its socket holds.
    world.run("agent", "flock", "/run/redes/lock", "bash", "-c", burst)
    world.replace("c")
    dropped = 'until [ -z "$(ip rule show priority 9990)" ]; do :; done'
    world.run("agent", "timeout", "20", "bash", "-c", dropped)
    assert world.restarts("agent") == restarts


def test_trials_at_one_moment_find_the_same(world):
    trials = "for i in 1 2 3 4; do redes-agent mechanisms & done; wait"
    told = world.run("agent", "bash", "-c", trials).stdout.splitlines()
    assert len(told) == 4 and len(set(told)) == 1


def test_a_smaller_mtu_of_the_route_needs_fragments(world):
    world.agent("mtu", "set", world.address("a"), "900")
    big = world.run("b", "ping", "-c1", "-W2", "-Mdo", "-s1000", world.address("a"), ok=False).stdout
    assert "Frag needed" in big and "mtu = 900" in big
    assert world.listed("mtu") == [{"address": world.address("a"), "mtu": 900}]
    world.run("b", "ping", "-c1", "-W2", "-Mdo", "-s1000", world.address("c"))


def test_a_blackhole_swallows_what_is_for_this_pod(world):
    world.agent("route", "blackhole", world.address("a"))
    assert world.run("b", "ping", "-c1", "-W1", world.address("a"), ok=False).returncode == 1
    world.run("b", "ping", "-c1", "-W2", world.address("c"))
    world.agent("route", "clear", world.address("a"))
    world.run("b", "ping", "-c1", "-W2", world.address("a"))


def test_a_detour_leads_what_the_pod_sends_by_another_node(world):
    world.agent("route", "detour", world.address("a"), "172.18.0.2")
    hops = world.run("a", "traceroute", "-n", "-q1", "-w1", "-m6", world.address("b")).stdout
    assert "172.18.0.2" in hops
    back = world.run("b", "traceroute", "-n", "-q1", "-w1", "-m6", world.address("a")).stdout
    assert "172.18.0.2" not in back


def test_what_cannot_be_done_is_refused_with_a_sentence(world):
    elsewhere = world.agent("impair", "set", world.address("b"), "to-pod", "loss=3", ok=False)
    assert (elsewhere.returncode, "on this node" in elsewhere.stderr) == (1, True)
    wrong = world.agent("impair", "set", world.address("a"), "to-pod", "loss=300", ok=False)
    assert (wrong.returncode, "0 to 100" in wrong.stderr) == (2, True)
