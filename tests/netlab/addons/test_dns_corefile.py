"""The Corefile: what is understood, what is refused and in which words, what each directive does."""

import asyncio

import pytest

from netlab.addons.dns.builder import Builder
from netlab.addons.dns.corefile import CorefileError, parse
from netlab.addons.dns.observe import Registry
from netlab.addons.dns.server import Instance, Program
from tests.netlab.addons.dns_worlds import (
    COREFILE,
    StillMirror,
    answers,
    ask,
    cluster,
    code,
    endpoint,
    endpoint_slice,
    resolver,
)

HOSTS = """
.:53 {
    log
    rewrite name www.school.test web.shop.svc.cluster.local
    rewrite name suffix .old.test .school.test
    hosts /dev/null {
        10.1.2.3 host.school.test
        ttl 60
        fallthrough
    }
    kubernetes cluster.local
}
"""
WRONG = [
    (".:53 {\n  frobnicate\n}", "Corefile:2 - Error during parsing: Unknown directive 'frobnicate'"),
    (".:53 {\n  errors", "Corefile:1 - Error during parsing: Unexpected EOF"),
    (".:x {\n}", "invalid port"),
    ("}", "Unexpected '}'"),
    ("", "no server block"),
    (".:53 {\n kubernetes {\n  ttl 9999\n }\n}", "must be a number in [0, 3600]"),
    (".:53 {\n kubernetes {\n  colour red\n }\n}", "plugin/kubernetes: unknown property 'colour'"),
    (".:53 {\n forward .\n}", "Wrong argument count"),
    (".:53 {\n forward . example.org\n}", "not an IP address or file"),
    (".:53 {\n reload 1s\n}", "greater or equal to 2s"),
    (".:53 {\n rewrite type ANY HINFO\n}", "rewrites names only"),
]


def test_blocks_nest_and_comments_are_skipped():
    (block,) = parse("a.test b.test:1053 { # two keys\n}\n", "Corefile")[:1]
    assert (block.zones, block.port) == (["a.test."], 53)
    (block,) = parse('.:53 {\n log . "{name} {rcode}"\n health {\n lameduck 5s\n }\n}', "Corefile")
    assert [(d.name, d.args) for d in block.directives] == [("log", [".", "{name} {rcode}"]), ("health", [])]
    assert block.directives[1].block[0].args == ["5s"]


@pytest.mark.parametrize(("text", "reason"), WRONG)
def test_what_cannot_be_served_is_refused_with_its_line(text, reason):
    with pytest.raises(CorefileError) as refused:
        resolver(text)
    assert reason in str(refused.value)


async def test_hosts_answer_before_the_cluster():
    made = resolver(HOSTS)
    message = await ask(made, "host.school.test")
    assert answers(message) == ["10.1.2.3"] and message.answer[0].ttl == 60
    assert answers(await ask(made, "3.2.1.10.in-addr.arpa", "PTR")) == ["host.school.test."]
    assert answers(await ask(made, "web.shop.svc.cluster.local")) == ["10.96.1.1"]


async def test_a_rewritten_name_is_answered_under_the_name_asked():
    message = await ask(resolver(HOSTS), "www.school.test")
    assert message.answer[0].to_text() == "www.school.test. 5 IN A 10.96.1.1"
    assert answers(await ask(resolver(HOSTS), "host.old.test")) == ["10.1.2.3"]


async def test_the_first_rule_that_fits_is_the_last_unless_it_goes_on():
    text = """.:53 {
        rewrite %s name suffix .old.test .new.test
        rewrite name exact host.new.test host.newest.test
        hosts /dev/null {
            10.0.0.1 host.new.test
            10.0.0.2 host.newest.test
        }
    }"""
    assert answers(await ask(resolver(text % "stop"), "host.old.test")) == ["10.0.0.1"]
    assert answers(await ask(resolver(text % "continue"), "host.old.test")) == ["10.0.0.2"]


async def test_the_log_has_corednss_format(capsys):
    await ask(resolver(HOSTS), "host.school.test")
    line = capsys.readouterr().out
    assert line.startswith("[INFO] 10.244.1.9:40000 - ")
    assert '"A IN host.school.test. udp 34 false 512" NOERROR qr,aa,rd ' in line


async def test_a_name_cannot_forge_a_line_of_the_log(capsys):
    await ask(resolver(HOSTS), "a\\010[INFO]\\032fake.test")
    assert len(capsys.readouterr().out.splitlines()) == 1


async def test_the_most_special_zone_answers():
    block = "%s {\n hosts /dev/null {\n %s x.%s\n }\n}\n"
    made = resolver(block % ("a.test", "10.0.0.1", "a.test") + block % (".", "10.0.0.2", "b.test"))
    assert answers(await ask(made, "x.a.test")) == ["10.0.0.1"]
    assert answers(await ask(made, "x.b.test")) == ["10.0.0.2"]


async def test_an_answer_is_kept_as_long_as_the_cache_says():
    world = cluster()
    cached = resolver(COREFILE.replace("errors", "errors\n cache 30"), world)
    never = COREFILE.replace("errors", "cache 30 {\n disable success cluster.local\n }")
    uncached = resolver(never, world)
    for made in (cached, uncached):
        await ask(made, "db.shop.svc.cluster.local")
    world.put_slice(("shop", "db-x"), endpoint_slice("db", endpoint("10.244.9.9")))
    assert answers(await ask(cached, "db.shop.svc.cluster.local")) == ["10.244.1.5", "10.244.2.6"]
    assert answers(await ask(uncached, "db.shop.svc.cluster.local")) == ["10.244.9.9"]


async def test_names_that_lead_in_a_circle_end():
    world = cluster()
    circle = {"type": "ExternalName", "externalName": "loop.test", "ports": []}
    world.put_service(("shop", "loop"), {"spec": circle})
    text = ".:53 {\n rewrite name loop.test loop.shop.svc.cluster.local\n kubernetes cluster.local\n}"
    assert code(await ask(resolver(text, world), "loop.shop.svc.cluster.local")) in ("NOERROR", "SERVFAIL")


async def test_an_upstream_that_refuses_gives_servfail_and_a_reason(capsys, unused_tcp_port):
    text = f".:53 {{\n errors\n forward . 127.0.0.1:{unused_tcp_port}\n}}"
    assert code(await ask(resolver(text), "example.org")) == "SERVFAIL"
    assert "[ERROR] plugin/errors: 2 example.org. A: read udp 127.0.0.1:" in capsys.readouterr().out


async def test_a_question_goes_on_to_the_upstream(unused_tcp_port):
    upstream = resolver_program(f".:{unused_tcp_port} {{\n hosts /dev/null {{\n 10.9.9.9 far.test\n }}\n}}")
    await upstream.start("127.0.0.1")
    made = resolver(f". {{\n forward . 127.0.0.1:{unused_tcp_port}\n}}")
    assert answers(await ask(made, "far.test")) == ["10.9.9.9"]
    tcp = resolver(f". {{\n forward . 127.0.0.1:{unused_tcp_port} {{\n force_tcp\n }}\n}}")
    assert answers(await ask(tcp, "far.test")) == ["10.9.9.9"]
    upstream.stop()


def resolver_program(text: str) -> Instance:
    mirror = StillMirror(cluster())
    return Instance(Builder(mirror, Registry()).build(text, "Corefile"), mirror, Registry())


async def test_a_changed_file_is_served_and_a_broken_one_changes_nothing(tmp_path, capsys, unused_tcp_port):
    path = tmp_path / "Corefile"
    text = f".:{unused_tcp_port} {{\n hosts /dev/null {{\n 10.0.0.1 a.test\n }}\n}}"
    path.write_text(text)
    program = Program(path)
    await program._load(text)
    await program._look_again(text.replace("10.0.0.1", "10.0.0.2"))
    await program._look_again(text.replace("hosts", "guests"))
    made = resolver(f". {{\n forward . 127.0.0.1:{unused_tcp_port}\n}}")
    assert answers(await ask(made, "a.test")) == ["10.0.0.2"]
    assert "Corefile changed but reload failed" in capsys.readouterr().out
    program._instance.stop()
    await asyncio.sleep(0)
