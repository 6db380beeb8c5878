"""Services and their endpoints as a proxy sees them: one entry for each service port. Pure."""

from base64 import b32encode
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

from netlab.store import full_name, key_of

_AFFINITY_SECONDS = 10800


@dataclass(frozen=True)
class Endpoint:
    address: str
    port: int
    local: bool

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True)
class ServicePort:
    name: str  # namespace/name:port, or namespace/name for a single unnamed port
    protocol: str  # lower case
    cluster_ip: str
    port: int
    node_port: int | None
    endpoints: tuple[Endpoint, ...]
    affinity_seconds: int | None = None
    external_local: bool = False
    internal_local: bool = False
    external_ips: tuple[str, ...] = ()
    balancer_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()  # who may use the balancer's addresses; none: everybody

    @property
    def has_external(self) -> bool:
        return bool(self.node_port or self.external_ips or self.balancer_ips)

    @property
    def addresses(self) -> tuple[str, ...]:
        return (self.cluster_ip, *self.external_ips, *self.balancer_ips)

    @cached_property
    def hash(self) -> str:
        """kube-proxy's own: so chains here and on a real cluster have the same names."""
        return _hash(self.name + self.protocol)

    def endpoint_hash(self, endpoint: Endpoint) -> str:
        return _hash(self.name + self.protocol + str(endpoint))


def _hash(text: str) -> str:
    return b32encode(sha256(text.encode()).digest()).decode()[:16]


class ServiceReader:
    """Reads Services and slices into service ports; one that did not change gives the same objects again."""

    def __init__(self, node_name: str):
        self._node_name = node_name
        self._known: dict[tuple[str, str], tuple[tuple, list[ServicePort]]] = {}

    def read(self, services: list[dict], slices: list[dict]) -> list[ServicePort]:
        """Every port of every Service with a cluster address, ordered by name."""
        by_service: dict[tuple[str, str], list[dict]] = {}
        for one in slices:
            owner = (one["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
            if owner and one.get("addressType", "IPv4") == "IPv4":
                by_service.setdefault((one["metadata"]["namespace"], owner), []).append(one)
        before, self._known = self._known, {}
        for service in filter(_is_proxied, services):
            key = key_of(service)
            self._known[key] = self._of_service(key, service, by_service.get(key, []), before.get(key))
        found = [port for _, ports in self._known.values() for port in ports]
        return sorted(found, key=lambda port: (port.name, port.protocol))

    def _of_service(self, key: tuple[str, str], service: dict, slices: list[dict], known):
        # A stored object is never edited in place: the very same one has not changed.
        sources = (service, *slices)
        if known and list(map(id, known[0])) == list(map(id, sources)):
            return known
        ports = service["spec"].get("ports") or []
        return sources, [_service_port(key, service, p, slices, self._node_name) for p in ports]


def _is_proxied(service: dict) -> bool:
    spec = service["spec"]
    return spec.get("type") != "ExternalName" and spec.get("clusterIP") not in (None, "", "None")


def _service_port(
    key: tuple[str, str], service: dict, port: dict, slices: list[dict], node_name: str
) -> ServicePort:
    spec = service["spec"]
    name = f"{key[0]}/{key[1]}" + (f":{port['name']}" if port.get("name") else "")
    sticky = spec.get("sessionAffinity") == "ClientIP"
    config = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds")
    return ServicePort(
        name=name,
        protocol=port.get("protocol", "TCP").lower(),
        cluster_ip=spec["clusterIP"],
        port=port["port"],
        node_port=port.get("nodePort"),
        endpoints=_endpoints(slices, port.get("name") or "", node_name),
        affinity_seconds=(config or _AFFINITY_SECONDS) if sticky else None,
        external_local=spec.get("externalTrafficPolicy") == "Local",
        internal_local=spec.get("internalTrafficPolicy") == "Local",
        external_ips=tuple(spec.get("externalIPs") or ()),
        balancer_ips=_balancer_ips(service),
        source_ranges=tuple(spec.get("loadBalancerSourceRanges") or ()),
    )


def _balancer_ips(service: dict) -> tuple[str, ...]:
    """What announces the addresses wrote into the status; one in mode Proxy answers by itself."""
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return tuple(one["ip"] for one in entries if one.get("ip") and one.get("ipMode", "VIP") == "VIP")


def health_checks(services: list[dict], ports: list[ServicePort]) -> dict[int, tuple[str, str, int]]:
    """healthCheckNodePort -> namespace, name and number of local endpoints of its Service."""
    found = {}
    for service in services:
        number = service["spec"].get("healthCheckNodePort")
        if number and service["spec"].get("type") == "LoadBalancer":
            own = [port for port in ports if port.name.partition(":")[0] == full_name(service)]
            local = {endpoint.address for port in own for endpoint in port.endpoints if endpoint.local}
            found[number] = *key_of(service), len(local)
    return found


def _endpoints(slices: list[dict], port_name: str, node_name: str) -> tuple[Endpoint, ...]:
    """The ready ones; where none is, those that still serve while they terminate."""
    ready, serving = set(), set()
    for one in slices:
        numbers = [port["port"] for port in one.get("ports") or [] if (port.get("name") or "") == port_name]
        for endpoint in one.get("endpoints") or []:
            conditions = endpoint.get("conditions") or {}
            local = endpoint.get("nodeName") == node_name
            here = {Endpoint(a, number, local) for a in endpoint["addresses"][:1] for number in numbers}
            if conditions.get("ready") is not False:
                ready |= here
            elif conditions.get("serving") and conditions.get("terminating"):
                serving |= here
    return tuple(sorted(ready or serving, key=str))
