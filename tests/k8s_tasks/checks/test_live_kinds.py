"""The kinds of conditions that send something, on real packets: what is so passes, what is not fails."""

import pytest

from curriculum.enums import ConditionKind, Verdict
from curriculum.kinds import Proof
from k8s_tasks.checks import judge
from k8s_tasks.loop import on_loop
from tests.k8s_tasks.checks.worlds import World, pod

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

PASS, FAIL, UNDECIDED = Verdict.PASS, Verdict.FAIL, Verdict.UNDECIDED
WEB = ["redes-web", "8080"]
FORGE = "mv /usr/bin/nc /tmp/nc.away && printf '#!/bin/sh\\nexec /tmp/nc.away -M 1 \"$@\"\\n' >/usr/bin/nc"
FORGE += " && chmod +x /usr/bin/nc"
REPLACE = "mv /usr/bin/nc /tmp/nc.away && ln -s /bin/true /usr/bin/nc"
RESTORE = "rm /usr/bin/nc && mv /tmp/nc.away /usr/bin/nc"
UDP = ["socat", "-u", "UDP-RECV:5353", "OPEN:/dev/null"]


def service(name: str, **spec) -> dict:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


@pytest.fixture(scope="module")
def world(stack):
    """Ana, two web servers on two nodes behind a Service, and somebody who takes datagrams."""
    world = World(str(stack.kubeconfig))
    web = {"app": "web"}
    pods = [pod("ana", ["redes-idle"]), pod("a", WEB, **web), pod("b", WEB, **web), pod("udp", UDP)]
    pods += [pod(name, ["redes-grpc", "serve", "50051"], app="echo") for name in ("e", "f")]
    on_loop(world.build({"ana": 1, "a": 1, "b": 2, "udp": 2, "e": 1, "f": 2}, pods))
    calls = {"selector": {"app": "echo"}, "ports": [{"port": 50051}]}
    for each in (service("web"), service("pods", clusterIP="None"), service("echo", **calls)):
        on_loop(world.apply(each))
    yield world
    on_loop(world.clear())


@pytest.fixture
def finding(world):
    def find(kind: str, **settings):
        async def judged():
            return await judge(Proof(kind=ConditionKind(kind), settings=settings), await world.round())

        return on_loop(judged())

    return find


class TestReach:
    @pytest.mark.parametrize("protocol", ["icmp", "tcp", "udp"])
    def test_a_pod_on_another_node_is_reached(self, finding, protocol):
        port = {"icmp": "", "tcp": "8080", "udp": "5353"}[protocol]
        target = "udp" if protocol == "udp" else "b"
        found = finding("reach", source="ana", target=target, protocol=protocol, port=port)
        assert found.verdict == PASS, found

    def test_a_port_without_a_listener_refuses(self, finding):
        asked = {"source": "ana", "target": "udp", "protocol": "tcp", "port": "8080"}
        assert finding("reach", **asked, expect="refused").verdict == PASS
        found = finding("reach", **asked)
        assert (found.verdict, "nobody listens" in found.reason["en"]) == (FAIL, True)

    def test_the_control_plane_reaches_a_pod(self, finding):
        asked = {"target": "b", "protocol": "tcp", "port": "8080"}
        assert finding("reach", source="node:0", **asked).verdict == PASS

    def test_nothing_blocks_what_is_open(self, finding):
        found = finding("reach", source="ana", target="b", protocol="tcp", port="8080", expect="blocked")
        assert (found.verdict, "should not have" in found.reason["en"]) == (FAIL, True)

    def test_a_policy_blocks_and_the_controls_make_it_count(self, finding, world):
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "deny"}}
        on_loop(world.apply({**policy, "spec": {"podSelector": {"matchLabels": {"app": "web"}}}}))
        try:
            asked = {"source": "ana", "target": "b", "protocol": "tcp", "port": "8080", "expect": "blocked"}
            assert finding("reach", **asked).verdict == PASS
            # Nobody listens on 8081: the same silence proves nothing.
            assert finding("reach", **asked | {"port": "8081"}).verdict == UNDECIDED
            world.capabilities = {}
            assert finding("reach", **asked).verdict == UNDECIDED
        finally:
            world.capabilities = {"networkpolicy": "present"}
            path = f"/apis/networking.k8s.io/v1/namespaces/{world.namespace}/networkpolicies/deny"
            on_loop(world.api.request("DELETE", path))

    def test_a_prober_that_was_replaced_decides_nothing_for_the_student(self, finding, world):
        async def in_ana(script):
            return await (await world.round()).run_in("ana", ["sh", "-c", script])

        on_loop(in_ana(REPLACE))
        try:
            asked = {"source": "ana", "target": "b", "protocol": "tcp", "port": "8080"}
            assert finding("reach", **asked).verdict == UNDECIDED
            assert finding("reach", **asked, expect="blocked").verdict == UNDECIDED
        finally:
            on_loop(in_ana(RESTORE))

    def test_a_source_that_lets_its_packets_die_has_blocked_nothing(self, finding, world):
        async def in_ana(script):
            return await (await world.round()).run_in("ana", ["sh", "-c", script])

        on_loop(in_ana(FORGE))
        try:
            asked = {"source": "ana", "target": "b", "protocol": "tcp", "port": "8080", "expect": "blocked"}
            found = finding("reach", **asked)
            assert (found.verdict, "no NetworkPolicy forbids it" in found.reason["en"]) == (UNDECIDED, True)
            pairs = {"sources": ["ana"], "targets": ["b"], "port": "8080", "allowed": {"ana": []}}
            assert finding("matrix", **pairs).verdict == UNDECIDED
        finally:
            on_loop(in_ana(RESTORE))


def through(address="web", **facts) -> dict:
    return {
        "source": "ana",
        "address": address,
        "port": "80",
        "listens": "8080",
        "targets": ["a", "b"],
        **facts,
    }


class TestShares:
    def test_kube_proxy_shares_connections_evenly(self, finding):
        found = [finding("balance", **through(), samples=200, wrong=0.3) for _ in range(2)]
        assert PASS in [each.verdict for each in found], found
        assert sum(found[0].evidence["counts"].values()) == 200

    def test_a_connection_that_is_kept_stays_with_one_replica(self, finding):
        assert finding("balance", **through(), samples=200, wrong=0.3, per="request").verdict == FAIL

    def test_grpc_is_shared_out_by_connection_and_not_by_call(self, finding):
        asked = {
            "source": "ana",
            "address": "echo",
            "port": "50051",
            "protocol": "grpc",
            "targets": ["e", "f"],
        }
        found = [finding("balance", **asked, samples=60, wrong=0.8) for _ in range(2)]
        assert PASS in [each.verdict for each in found], found
        kept = finding("balance", **asked, samples=60, wrong=0.8, per="request")
        assert (kept.verdict, sorted(kept.evidence["counts"].values())) == (FAIL, [0, 60])
        nobody = finding("balance", **asked | {"port": "50052"}, samples=60, wrong=0.8)
        assert (nobody.verdict, "came to none" in nobody.reason["en"]) == (FAIL, True)

    def test_client_affinity_keeps_a_client_with_its_replica(self, finding, world):
        on_loop(world.apply(service("sticky", sessionAffinity="ClientIP")))
        assert finding("affinity", **through("sticky"), samples=30).verdict == PASS
        assert finding("affinity", **through(), samples=30).verdict == FAIL

    def test_requests_past_the_service_prove_nothing(self, finding):
        assert finding("affinity", **through("${a.ip}") | {"port": "8080"}, samples=30).verdict == UNDECIDED

    def test_loss_is_what_the_node_was_told_to_lose(self, finding, world):
        asked = {"source": "ana", "target": "udp", "port": "5353", "samples": 400}
        agent, address = world.agent_of("udp")
        assert finding("loss", **asked, right=0.0, wrong=0.1).verdict == PASS
        on_loop(agent.impair(address, "to-pod", loss=30))
        try:
            # Right work fails in one round of a hundred, and that is stated: twice in a row is a fault.
            found = [finding("loss", **asked, right=0.3, wrong=0.2) for _ in range(2)]
            assert PASS in [each.verdict for each in found], found
            assert finding("loss", **asked, right=0.0, wrong=0.1).verdict == FAIL
        finally:
            on_loop(agent.clear_impairments(address))


class TestNames:
    def test_a_service_and_a_headless_one_answer_differently(self, finding, world):
        path = f"/api/v1/namespaces/{world.namespace}/services/web"
        address = on_loop(world.api.request("GET", path))["spec"]["clusterIP"]
        assert finding("dns", source="ana", name="web", answers=[address]).verdict == PASS
        assert finding("dns", source="ana", name="pods", answers=["${a.ip}", "${b.ip}"]).verdict == PASS
        assert finding("dns", source="ana", name="pods", answers=["${a.ip}"]).verdict == FAIL
        assert finding("dns", source="ana", name="nowhere").verdict == PASS


class TestObjects:
    def test_an_object_is_judged_as_it_is_now(self, finding):
        words = {"otherwise": {"pt-br": "não", "en": "no"}, "api": "v1", "resource": "Service"}
        assert (
            finding("object", name="web", expression="object.spec.type == 'ClusterIP'", **words).verdict
            == PASS
        )
        assert finding("object", name="nothing", expression="true", **words).verdict == FAIL
        assert finding("object", expression="size(objects) >= 2", **words).verdict == PASS


class TestHops:
    def test_a_datagram_is_captured_on_all_four_links(self, finding, world):
        asked = {"source": "ana", "target": "udp", "port": "5353", "payload": "on-its-way"}
        before = finding("capture", shows="hops", **asked)
        say = "echo on-its-way | socat -u - UDP-SENDTO:${udp.ip}:5353,ttl=77"

        async def send():
            round = await world.round()
            await round.run_in("ana", ["sh", "-c", round.fill(say)])

        on_loop(send())
        found = finding("capture", shows="hops", **asked)
        assert (before.verdict, found.verdict) == (FAIL, PASS), found
        assert [hop["ttl"] for hop in found.evidence["hops"]] == [77, 76, 76, 75]
        frames = [(hop["from_mac"], hop["to_mac"]) for hop in found.evidence["hops"]]
        assert frames[1] == frames[2] and len(set(frames)) == 3
