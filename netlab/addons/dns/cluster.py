"""A mirror of what names need to know of the cluster, kept up to date through the Kubernetes API.

The threads that follow it, one for each kind, only replace whole values in dicts, which readers may use at
any time.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from netlab.addons.kubeapi import Client, Reflector


@dataclass(frozen=True)
class Port:
    name: str
    protocol: str
    number: int

    def matches(self, name: str, protocol: str) -> bool:
        return name in ("", self.name.lower()) and protocol in ("", self.protocol.lower())


# An endpoint without ports still has its address; a Service record of it has no port.
_NO_PORT = Port("", "", -1)


@dataclass(frozen=True)
class Endpoint:
    address: str
    hostname: str
    pod: str
    ports: tuple[Port, ...]


@dataclass(frozen=True)
class Service:
    address: str
    ports: tuple[Port, ...]
    headless: bool = False
    external_name: str = ""


@dataclass
class Cluster:
    services: dict[tuple[str, str], Service] = field(default_factory=dict)
    slices: dict[tuple[str, str], dict[str, tuple[Endpoint, ...]]] = field(default_factory=dict)
    namespaces: dict[str, bool] = field(default_factory=dict)
    pods: dict[tuple[str, str], str] = field(default_factory=dict)
    changed: int = 0  # when a Service or endpoint last changed, seconds since 1970: the zone's serial
    missing: set[str] = field(default_factory=set)  # kinds that have not been listed yet

    @property
    def synced(self) -> bool:
        return not self.missing

    @property
    def pod_addresses(self) -> set[tuple[str, str]]:
        return {(namespace, address) for (namespace, _), address in list(self.pods.items())}

    def endpoints(self, namespace: str, service: str) -> list[Endpoint]:
        slices = self.slices.get((namespace, service), {})
        return [endpoint for one in slices.values() for endpoint in one]

    def endpoints_at(self, address: str) -> Iterator[tuple[str, str, Endpoint]]:
        for (namespace, name), slices in list(self.slices.items()):
            for endpoint in (endpoint for one in slices.values() for endpoint in one):
                if endpoint.address == address:
                    yield namespace, name, endpoint

    # --- one object: present, or gone (None)

    def put_service(self, key: tuple[str, str], obj: dict | None) -> None:
        self._replace(self.services, key, obj and _service(obj["spec"]))

    def put_slice(self, key: tuple[str, str], obj: dict | None) -> None:
        namespace, name = key
        for owner in [known for known, slices in self.slices.items() if name in slices]:
            if owner[0] == namespace:
                rest = {other: one for other, one in self.slices[owner].items() if other != name}
                self._replace(self.slices, owner, rest or None)
        service = obj and (obj["metadata"].get("labels") or {}).get("kubernetes.io/service-name")
        if service and obj.get("addressType", "IPv4") == "IPv4":
            known = self.slices.get((namespace, service), {})
            self._replace(self.slices, (namespace, service), {**known, name: _endpoints(obj)})

    def put_namespace(self, key: tuple[str, str], obj: dict | None) -> None:
        self._replace(self.namespaces, key[1], obj and True)

    def put_pod(self, key: tuple[str, str], obj: dict | None) -> None:
        address = obj and obj.get("status", {}).get("podIP")
        self._replace(self.pods, key, address or None)

    def _replace(self, table: dict, key, value) -> None:
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
        self.changed = int(time.time())


def _service(spec: dict) -> Service:
    ports = tuple(
        Port(p.get("name") or "", p.get("protocol", "TCP"), p["port"]) for p in spec.get("ports") or []
    )
    address = spec.get("clusterIP") or ""
    external = spec.get("externalName", "") if spec.get("type") == "ExternalName" else ""
    return Service(address, ports, address == "None", external)


def _endpoints(obj: dict) -> tuple[Endpoint, ...]:
    """The ready ones; conditions already say so for those that are published unready."""
    ports = tuple(
        Port(p.get("name") or "", p.get("protocol") or "TCP", p["port"])
        for p in obj.get("ports") or []
        if p.get("port")
    )
    return tuple(
        Endpoint(
            address,
            one.get("hostname") or "",
            (one.get("targetRef") or {}).get("name", ""),
            ports or (_NO_PORT,),
        )
        for one in obj.get("endpoints") or []
        if (one.get("conditions") or {}).get("ready") is not False
        for address in one.get("addresses") or []
    )


# --- following the API

_CORE = "/api/v1"
_PATHS = {
    "namespaces": (_CORE, Cluster.put_namespace),
    "services": (_CORE, Cluster.put_service),
    "endpointslices": ("/apis/discovery.k8s.io/v1", Cluster.put_slice),
    "pods": (_CORE, Cluster.put_pod),
}


class Mirror:
    """Keeps `cluster` as the API has it, from `follow` until the process ends."""

    def __init__(self, log: Callable[[str, str], None]):
        self.cluster = Cluster()
        self._log, self._client = log, Client("coredns/netlab")
        self._followed: set[str] = set()

    def follow(self, *kinds: str) -> None:
        """Begin to follow those kinds that are not followed yet."""
        for kind in set(kinds) - self._followed:
            self._followed.add(kind)
            self.cluster.missing.add(kind)
            prefix, put = _PATHS[kind]
            Reflector(
                self._client,
                f"{prefix}/{kind}",
                partial(put, self.cluster),
                listed=partial(self.cluster.missing.discard, kind),
                failed=self._tell_failure,
            ).start()

    def _tell_failure(self, error: Exception) -> None:
        self._log("WARNING", f"plugin/kubernetes: Kubernetes API connection failure: {error}")
