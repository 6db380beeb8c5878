"""What became of a word sent to a Service, as the links before and after the rewrite show it."""

import asyncio
from dataclasses import replace

import dns.message
import pytest

from curriculum.enums import Verdict
from curriculum.kinds import CaptureSettings
from k8s_tasks.checks import rewriting
from k8s_tasks.checks.answer import count_names
from k8s_tasks.checks.finding import Broken
from k8s_tasks.checks.subnets import service_range, subnet
from k8s_tasks.cluster.errors import NotFound, Refused
from tests.packets import ACK, ANA, CARLA, PUSH, SYN, datagram, seen, segment, stand_in, unreachable

PASS, FAIL = Verdict.PASS, Verdict.FAIL
CLUSTER_IP, NODE = "10.96.7.7", "172.18.0.4"
DOORS = [(CLUSTER_IP, 8100)]
WORD = "nat-k7m2xp"
SERVICE = {
    "spec": {"clusterIP": CLUSTER_IP, "ports": [{"port": 8100, "nodePort": 30100}]},
    "status": {"loadBalancer": {"ingress": [{"ip": "172.18.0.200"}]}},
}


def talk(server, port, *, client=ANA, sport=40000) -> list:
    """A connection that carries the word."""
    line = f"GET /{WORD} HTTP/1.1\r\n".encode()
    return [
        segment(client, server, sport, port, flags=SYN, seq=100),
        segment(server, client, port, sport, flags=SYN | ACK, seq=900, ack=101),
        segment(client, server, sport, port, flags=ACK | PUSH, seq=101, ack=901, payload=line),
    ]


def settings(**facts) -> CaptureSettings:
    given = {"source": "ana", "target": "carla", "service": "web", "shows": "rewritten"} | facts
    return CaptureSettings(**given)


def judge(near, far, **facts):
    return rewriting.judge_rewritten(settings(**facts), seen(near, far), DOORS, port=8080, payload=WORD)


class TestRewritten:
    def test_a_word_that_left_for_the_service_and_came_to_the_pod_passes(self):
        found = judge(talk(CLUSTER_IP, 8100), talk(CARLA, 8080))
        assert found.verdict == PASS
        assert (found.evidence["before"]["to"], found.evidence["after"]["to"]) == (
            [CLUSTER_IP, 8100],
            [CARLA, 8080],
        )

    def test_the_source_may_be_rewritten_too(self):
        assert judge(talk(CLUSTER_IP, 8100), talk(CARLA, 8080, client=NODE)).verdict == PASS

    def test_a_word_sent_to_the_pod_itself_was_not_rewritten(self):
        straight = talk(CARLA, 8080)
        assert "has not sent" in judge(straight, straight).reason["en"]

    def test_a_word_sent_both_ways_does_not_make_the_direct_one_rewritten(self):
        straight = talk(CARLA, 8080, sport=41000)
        found = judge([*talk(CLUSTER_IP, 8100), *straight], straight)
        assert "did not come to carla" in found.reason["en"]


class TestRefused:
    def judge(self, *packets):
        refused = settings(shows="unreachable")
        return rewriting.judge_refused(refused, seen(packets), DOORS)

    def test_icmp_about_the_services_address_passes(self):
        syn = segment(ANA, CLUSTER_IP, 40000, 8100, flags=SYN, seq=1)
        assert self.judge(syn, unreachable(NODE, syn)).verdict == PASS

    def test_icmp_about_another_port_or_address_is_not_yet(self):
        others = [
            segment(ANA, CLUSTER_IP, 40000, 8101, flags=SYN, seq=1),
            segment(ANA, CARLA, 40000, 8100, flags=SYN, seq=1),
        ]
        assert self.judge(*[unreachable(NODE, each) for each in others]).verdict == FAIL


@pytest.mark.parametrize(
    ("kind", "doors"),
    [
        ("cluster-ip", DOORS),
        ("node-port", [("172.18.0.3", 30100), (NODE, 30100)]),
        ("load-balancer", [("172.18.0.200", 8100)]),
    ],
)
def test_a_service_can_be_spoken_to_at_its_doors(kind, doors):
    assert rewriting.doors_of(SERVICE, kind, ["172.18.0.3", NODE]) == doors


def test_a_service_without_a_balancer_has_no_such_door():
    assert rewriting.doors_of({"spec": SERVICE["spec"]}, "load-balancer", []) == []


def test_the_receiver_is_the_pod_the_word_came_to():
    observation = seen([], talk(CARLA, 8080))
    assert rewriting.receiver_of(["ana", "carla"], observation, port=8080, payload=WORD) == CARLA
    assert rewriting.receiver_of(["ana"], observation, port=8080, payload=WORD) is None


@pytest.mark.parametrize(
    ("network", "prefix", "number", "right"),
    [
        ("10.244.1.0/24", 26, 0, "10.244.1.0/26"),
        ("10.244.1.0/24", 27, 5, "10.244.1.160/27"),
        ("10.244.1.0/24", 26, 4, None),
        ("10.244.1.0/24", 16, 0, None),
        (None, 26, 0, None),
    ],
)
def test_a_subnet_is_counted_within_its_network(network, prefix, number, right):
    assert subnet(network, prefix, number) == right


class _Ranges:
    async def request(self, method, path):
        assert (method, path) == ("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes")
        return {"spec": {"cidrs": ["10.96.0.0/16", "fd00::/108"]}}


class _Older:
    async def request(self, method, path, *, query=None, body=None):
        if method == "GET":
            raise NotFound(404, "NotFound", "the server could not find the requested resource")
        assert query == {"dryRun": "All"}
        raise Refused(422, "Invalid", "The range of valid IPs is 10.96.0.0/16")


class _Barred:
    async def request(self, method, path, *, query=None, body=None):
        raise Refused(403, "Forbidden", "nobody may read that")


@pytest.mark.parametrize("api", [_Ranges(), _Older()])
def test_the_service_range_is_an_object_and_before_1_33_what_a_refusal_says(api):
    round = replace(stand_in(seen([])), api=api)
    assert asyncio.run(service_range(round)) == "10.96.0.0/16"


def test_a_range_that_may_not_be_read_is_no_wrong_answer():
    with pytest.raises(Broken, match="nobody may read that"):
        asyncio.run(service_range(replace(stand_in(seen([])), api=_Barred())))


def test_names_asked_are_counted_once_each():
    def ask(name, kind="A"):
        return datagram(ANA, "10.96.0.10", 4000, 53, dns.message.make_query(name, kind).to_wire())

    asked = [ask("shop.example.lab.svc.cluster.local"), ask("shop.example"), ask("shop.example", "AAAA")]
    assert count_names("ana", seen([*asked, ask("other.example")]), "shop") == 2
    assert count_names("ana", seen([ask("other.example")]), "shop") is None
