"""A small cluster as the DNS server mirrors it, and a resolver over it."""

import dns.message
import dns.rcode

from netlab.addons.dns.builder import Builder
from netlab.addons.dns.cluster import Cluster
from netlab.addons.dns.observe import Registry
from netlab.addons.dns.server import Resolver

COREFILE = """
.:53 {
    errors
    kubernetes cluster.local in-addr.arpa {
        pods insecure
        ttl 30
    }
}
"""


class StillMirror:
    """Stands where the mirror of the API stands; what it shows is put there by hand."""

    def __init__(self, cluster: Cluster):
        self.cluster = cluster

    def follow(self, *kinds: str) -> None:
        pass


def service(name: str, **spec) -> dict:
    ports = [{"name": "http", "port": 80, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": {"ports": ports, **spec}}


def endpoint_slice(service: str, *endpoints: dict, ports: tuple = (("http", 8080),)) -> dict:
    labels = {"kubernetes.io/service-name": service}
    return {
        "metadata": {"name": f"{service}-x", "namespace": "shop", "labels": labels},
        "addressType": "IPv4",
        "endpoints": list(endpoints),
        "ports": [{"name": name, "port": number, "protocol": "TCP"} for name, number in ports],
    }


def endpoint(address: str, *, ready: bool = True, **more) -> dict:
    return {"addresses": [address], "conditions": {"ready": ready}, **more}


def cluster() -> Cluster:
    """Namespaces shop and empty; in shop a Service, a headless one with two pods, and two aliases."""
    world = Cluster()
    for name in ("shop", "empty", "kube-system"):
        world.put_namespace(("", name), {})
    put = world.put_service
    put(("shop", "web"), service("web", clusterIP="10.96.1.1"))
    put(("shop", "db"), service("db", clusterIP="None"))
    put(("shop", "far"), service("far", type="ExternalName", externalName="www.example.org"))
    put(("shop", "near"), service("near", type="ExternalName", externalName="web.shop.svc.cluster.local"))
    put(("kube-system", "kube-dns"), service("kube-dns", clusterIP="10.96.0.10"))
    endpoints = (
        endpoint("10.244.1.5", hostname="first"),
        endpoint("10.244.2.6", targetRef={"name": "db-1"}),
        endpoint("10.244.2.7", ready=False),
    )
    world.put_slice(("shop", "db-x"), endpoint_slice("db", *endpoints))
    return world


def resolver(corefile: str = COREFILE, world: Cluster | None = None) -> Resolver:
    builder = Builder(StillMirror(world or cluster()), Registry())
    return Resolver(builder.build(corefile, "Corefile").chains)


async def ask(resolver: Resolver, name: str, kind: str = "A", **options) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)
    wire = await resolver.respond(query.to_wire(), ("10.244.1.9", 40000), "udp")
    answer = dns.message.from_wire(wire)
    assert answer.id == query.id and answer.question == query.question
    return answer


def answers(message: dns.message.Message) -> list[str]:
    return sorted(item.to_text() for records in message.answer for item in records)


def code(message: dns.message.Message) -> str:
    """The rcode; NODATA where there is a name but nothing of this type."""
    text = dns.rcode.to_text(message.rcode())
    return "NODATA" if text == "NOERROR" and not message.answer else text
