"""What the names of a cluster mean: the Kubernetes DNS specification, without a cluster."""

import dns.flags
import pytest

from tests.netlab.addons.dns_worlds import (
    answers,
    ask,
    cluster,
    code,
    endpoint,
    endpoint_slice,
    resolver,
    service,
)

FOUND = [
    ("web.shop.svc.cluster.local", "A", ["10.96.1.1"]),
    ("db.shop.svc.cluster.local", "A", ["10.244.1.5", "10.244.2.6"]),
    ("first.db.shop.svc.cluster.local", "A", ["10.244.1.5"]),
    ("10-244-2-6.db.shop.svc.cluster.local", "A", ["10.244.2.6"]),
    ("10-244-7-7.shop.pod.cluster.local", "A", ["10.244.7.7"]),
    ("_http._tcp.web.shop.svc.cluster.local", "SRV", ["0 100 80 web.shop.svc.cluster.local."]),
    ("far.shop.svc.cluster.local", "CNAME", ["www.example.org."]),
    ("near.shop.svc.cluster.local", "A", ["10.96.1.1", "web.shop.svc.cluster.local."]),
    ("1.1.96.10.in-addr.arpa", "PTR", ["web.shop.svc.cluster.local."]),
    ("5.1.244.10.in-addr.arpa", "PTR", ["first.db.shop.svc.cluster.local."]),
    ("dns-version.cluster.local", "TXT", ['"1.1.0"']),
    ("cluster.local", "NS", ["ns.dns.cluster.local."]),
]
NOTHING = [
    ("web.shop.svc.cluster.local", "AAAA", "NODATA"),
    ("web.shop.svc.cluster.local", "MX", "NODATA"),
    ("near.shop.svc.cluster.local", "AAAA", "NODATA"),
    ("shop.svc.cluster.local", "A", "NODATA"),
    ("svc.cluster.local", "A", "NODATA"),
    ("cluster.local", "A", "NODATA"),
    ("web.empty.svc.cluster.local", "A", "NXDOMAIN"),
    ("web.nowhere.svc.cluster.local", "A", "NXDOMAIN"),
    ("nowhere.svc.cluster.local", "A", "NXDOMAIN"),
    ("web.shop.cluster.local", "A", "NXDOMAIN"),
    ("a.b.c.web.shop.svc.cluster.local", "A", "NXDOMAIN"),
    ("_ftp._tcp.web.shop.svc.cluster.local", "SRV", "NXDOMAIN"),
    ("second.db.shop.svc.cluster.local", "A", "NXDOMAIN"),
    ("10-244-2-7.db.shop.svc.cluster.local", "A", "NXDOMAIN"),
    ("no-address.shop.pod.cluster.local", "A", "NXDOMAIN"),
    ("9.9.96.10.in-addr.arpa", "PTR", "NXDOMAIN"),
]


@pytest.fixture
def dns_():
    """`dns` alone would hide the library's name."""
    return resolver()


@pytest.mark.parametrize(("name", "kind", "wanted"), FOUND)
async def test_what_is_there_is_answered_with_authority(dns_, name, kind, wanted):
    message = await ask(dns_, name, kind)
    assert answers(message) == wanted
    assert message.flags & dns.flags.AA
    assert {records.ttl for records in message.answer} == {30}


@pytest.mark.parametrize(("name", "kind", "wanted"), NOTHING)
async def test_what_is_not_there_comes_with_the_zones_soa(dns_, name, kind, wanted):
    message = await ask(dns_, name, kind)
    assert code(message) == wanted
    assert [str(dns.rdatatype.to_text(records.rdtype)) for records in message.authority] == ["SOA"]


async def test_names_are_equal_whatever_their_case(dns_):
    message = await ask(dns_, "WEB.Shop.SVC.cluster.LOCAL")
    assert answers(message) == ["10.96.1.1"]
    assert message.answer[0].name.to_text() == "WEB.Shop.SVC.cluster.LOCAL."


async def test_srv_of_a_headless_service_shares_the_weight_and_tells_the_addresses(dns_):
    message = await ask(dns_, "_http._tcp.db.shop.svc.cluster.local", "SRV")
    assert answers(message) == [
        "0 50 8080 10-244-2-6.db.shop.svc.cluster.local.",
        "0 50 8080 first.db.shop.svc.cluster.local.",
    ]
    assert sorted(item.to_text() for one in message.additional for item in one) == [
        "10.244.1.5",
        "10.244.2.6",
    ]


async def test_an_alias_to_the_outside_stands_alone_when_nobody_answers_for_it(dns_):
    assert answers(await ask(dns_, "far.shop.svc.cluster.local")) == ["www.example.org."]


async def test_an_endpoint_that_leaves_is_forgotten():
    world = cluster()
    world.put_slice(("shop", "db-x"), endpoint_slice("db", endpoint("10.244.1.5")))
    assert answers(await ask(resolver(world=world), "db.shop.svc.cluster.local")) == ["10.244.1.5"]
    world.put_slice(("shop", "db-x"), None)
    assert code(await ask(resolver(world=world), "db.shop.svc.cluster.local")) == "NXDOMAIN"


async def test_a_headless_service_without_ports_has_addresses_and_no_srv():
    world = cluster()
    world.put_service(("shop", "quiet"), service("quiet", clusterIP="None", ports=[]))
    world.put_slice(("shop", "quiet-x"), endpoint_slice("quiet", endpoint("10.244.1.8"), ports=()))
    assert answers(await ask(resolver(world=world), "quiet.shop.svc.cluster.local")) == ["10.244.1.8"]
    assert code(await ask(resolver(world=world), "quiet.shop.svc.cluster.local", "SRV")) == "NODATA"


async def test_verified_pod_records_need_a_pod():
    world = cluster()
    world.put_pod(("shop", "a"), {"status": {"podIP": "10.244.1.5"}})
    strict = resolver(".:53 {\n kubernetes cluster.local {\n pods verified\n }\n}", world)
    assert answers(await ask(strict, "10-244-1-5.shop.pod.cluster.local")) == ["10.244.1.5"]
    assert code(await ask(strict, "10-244-1-6.shop.pod.cluster.local")) == "NXDOMAIN"


async def test_before_the_api_has_answered_nothing_is_denied():
    world = cluster()
    world.missing.add("services")
    assert code(await ask(resolver(world=world), "new.shop.svc.cluster.local")) == "SERVFAIL"


async def test_without_a_setting_records_live_five_seconds():
    plain = resolver(".:53 {\n kubernetes cluster.local\n}")
    message = await ask(plain, "web.shop.svc.cluster.local")
    assert message.answer[0].ttl == 5
