"""What a name below the cluster's domain means, by the Kubernetes DNS specification. Pure.

    service.namespace.svc                     the cluster address, or every ready endpoint (headless)
    endpoint.service.namespace.svc            one endpoint: its hostname, or its address with dashes
    _port._protocol.service.namespace.svc     SRV
    a-b-c-d.namespace.pod                     the address itself

A look-up gives Targets, or raises NoSuchName (NXDOMAIN); none at all is NODATA.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address

from .cluster import Cluster, Endpoint, Service

DNS_VERSION = "1.1.0"


class NoSuchName(Exception):
    """There is nothing of this name: NXDOMAIN."""


@dataclass(frozen=True)
class Target:
    """An address or, for an ExternalName, another name; `owner` is the name SRV and PTR point to."""

    host: str
    port: int
    owner: str

    @property
    def is_address(self) -> bool:
        try:
            IPv4Address(self.host)
        except ValueError:
            return False
        return True


@dataclass(frozen=True)
class Options:
    """The settings of the directive `kubernetes`."""

    pods: str = "disabled"
    namespaces: tuple[str, ...] = ()
    endpoint_pod_names: bool = False
    ignore_empty_service: bool = False


@dataclass(frozen=True)
class _Question:
    kind: str = ""  # svc or pod; nothing for the zone itself
    namespace: str = ""
    service: str = ""
    endpoint: str = ""
    port: str = ""
    protocol: str = ""


class Names:
    def __init__(self, cluster: Cluster, options: Options):
        self._cluster, self._options = cluster, options

    def find(self, name: str, zone: str) -> list[Target]:
        """What a name in lower case stands for. Raises NoSuchName."""
        asked = _parse(name.removesuffix(zone).rstrip("."))
        if not asked.kind or not asked.namespace:
            return []
        if not self._is_exposed(asked.namespace):
            raise NoSuchName
        if not asked.service:
            return []
        found = self._pod(asked, zone) if asked.kind == "pod" else self._service(asked, zone)
        if found is None:
            raise NoSuchName
        return found

    def _is_exposed(self, namespace: str) -> bool:
        allowed = self._options.namespaces
        return namespace in self._cluster.namespaces and (not allowed or namespace in allowed)

    def _pod(self, asked: _Question, zone: str) -> list[Target] | None:
        address = asked.service.replace("-", ".")
        target = Target(address, 0, f"{asked.service}.{asked.namespace}.pod.{zone}")
        if self._options.pods == "disabled" or not target.is_address:
            return None
        if self._options.pods == "verified" and (asked.namespace, address) not in self._cluster.pod_addresses:
            return None
        return [target]

    def _service(self, asked: _Question, zone: str) -> list[Target] | None:
        service = self._cluster.services.get((asked.namespace, asked.service))
        if service is None:
            return None
        owner = f"{asked.service}.{asked.namespace}.svc.{zone}"
        if service.external_name:
            return None if asked.endpoint else [Target(service.external_name, 0, owner)]
        if service.headless or asked.endpoint:
            return self._endpoints(asked, owner) or None
        return self._addresses(service, asked, owner) or None

    def _addresses(self, service: Service, asked: _Question, owner: str) -> list[Target]:
        if self._options.ignore_empty_service and not self._cluster.endpoints(asked.namespace, asked.service):
            return []
        return [
            Target(service.address, port.number, owner)
            for port in service.ports
            if port.matches(asked.port, asked.protocol)
        ]

    def _endpoints(self, asked: _Question, owner: str) -> list[Target]:
        return [
            Target(endpoint.address, port.number, f"{self._hostname(endpoint)}.{owner}")
            for endpoint in self._cluster.endpoints(asked.namespace, asked.service)
            if not asked.endpoint or asked.endpoint == self._hostname(endpoint).lower()
            for port in endpoint.ports
            if port.matches(asked.port, asked.protocol)
        ]

    def _hostname(self, endpoint: Endpoint) -> str:
        if endpoint.hostname:
            return endpoint.hostname
        if self._options.endpoint_pod_names and endpoint.pod:
            return endpoint.pod
        return endpoint.address.replace(".", "-")

    def reverse(self, address: str, zone: str) -> list[str]:
        """The names of an address: a Service's, else those of the endpoints that have it."""
        for (namespace, name), service in list(self._cluster.services.items()):
            if service.address == address and self._is_exposed(namespace):
                return [f"{name}.{namespace}.svc.{zone}"]
        return [
            f"{self._hostname(endpoint)}.{name}.{namespace}.svc.{zone}"
            for namespace, name, endpoint in self._cluster.endpoints_at(address)
            if self._is_exposed(namespace)
        ]


def _parse(text: str) -> _Question:
    """The labels before the zone, read from the right. Raises NoSuchName for what is no cluster name."""
    labels = text.split(".")[::-1] if text else [""]
    if labels[0] not in ("", "svc", "pod") or len(labels) > 5:
        raise NoSuchName
    kind, namespace, service, first, second = [*labels, "", "", "", ""][:5]
    if not second:
        return _Question(kind, namespace, service, endpoint=first)
    return _Question(kind, namespace, service, port=second.lstrip("_"), protocol=first.lstrip("_"))


def address_of_reverse(name: str) -> str | None:
    """10.0.96.10.in-addr.arpa. -> 10.96.0.10; None for what is not the whole of an IPv4 address."""
    labels = name.removesuffix(".in-addr.arpa.").split(".")
    if not name.endswith(".in-addr.arpa.") or len(labels) != 4:
        return None
    try:
        return str(IPv4Address(".".join(labels[::-1])))
    except ValueError:
        return None
