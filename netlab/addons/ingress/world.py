"""The objects that a configuration is made of, as the API has them, and the questions asked of them."""

import base64
import binascii
import ssl
import tempfile
from dataclasses import dataclass, field
from functools import lru_cache

from netlab.addons.kubeapi import Key

CONTROLLER = "nginx.org/ingress-controller"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
TLS_TYPE, HTPASSWD_TYPE = "kubernetes.io/tls", "nginx.org/htpasswd"


def _table():
    return field(default_factory=dict)


@dataclass
class World:
    ingresses: dict[Key, dict] = _table()
    classes: dict[Key, dict] = _table()
    services: dict[Key, dict] = _table()
    slices: dict[Key, dict] = _table()
    secrets: dict[Key, dict] = _table()
    configmaps: dict[Key, dict] = _table()
    transports: dict[Key, dict] = _table()
    globals: dict[Key, dict] = _table()

    def is_ours(self, ingress: dict) -> bool:
        name = ingress["spec"].get("ingressClassName") or annotations(ingress).get(_CLASS_ANNOTATION)
        return self._is_our_class(name)

    def is_our_transport(self, transport: dict) -> bool:
        """As with the original, one without a class is everybody's."""
        name = transport["spec"].get("ingressClassName")
        return not name or self._is_our_class(name)

    def _is_our_class(self, name: str | None) -> bool:
        found = self.classes.get(("", name or ""))
        return bool(found) and found["spec"].get("controller") == CONTROLLER

    def endpoints(self, namespace: str, service: str, port: dict) -> list[str]:
        """Address and port of every ready endpoint behind a Service's port, `{name}` or `{number}`."""
        chosen = self._port(namespace, service, port)
        if chosen is None:
            return []
        found = set()
        for one in list(self.slices.values()):
            meta = one["metadata"]
            labels = meta.get("labels") or {}
            if (
                meta["namespace"] == namespace
                and labels.get("kubernetes.io/service-name") == service
                and one.get("addressType", "IPv4") == "IPv4"
            ):
                found |= _ready(one, chosen.get("name") or "")
        return sorted(found)

    def cluster_address(self, namespace: str, service: str, port: dict) -> list[str]:
        chosen = self._port(namespace, service, port)
        address = chosen and self.services[namespace, service]["spec"].get("clusterIP")
        return [f"{address}:{chosen['port']}"] if address and address != "None" else []

    def _port(self, namespace: str, service: str, wanted: dict) -> dict | None:
        found = self.services.get((namespace, service))
        ports = (found["spec"].get("ports") or []) if found else []
        for port in ports:
            by_name = wanted.get("name") and port.get("name") == wanted["name"]
            by_number = wanted.get("number") and port["port"] == wanted["number"]
            if by_name or by_number:
                return port
        return None

    def secret(self, namespace: str, name: str, kind: str, *keys: str) -> tuple[bytes, str]:
        """The values of these keys, one below the other, or nothing and what is wrong."""
        found = self.secrets.get((namespace, name))
        if found is None:
            return b"", f"secret {namespace}/{name} doesn't exist"
        if found.get("type") != kind:
            return b"", f"is of a wrong type '{found.get('type')}', must be '{kind}'"
        data = found.get("data") or {}
        try:
            return b"\n".join(base64.b64decode(data[key], validate=True).strip() for key in keys) + b"\n", ""
        except KeyError as missing:
            return b"", f"secret {namespace}/{name} has no {missing.args[0]}"
        except binascii.Error:
            return b"", f"secret {namespace}/{name} is not base64"


def _ready(one: dict, port_name: str) -> set[str]:
    numbers = [port["port"] for port in one.get("ports") or [] if (port.get("name") or "") == port_name]
    return {
        f"{address}:{number}"
        for endpoint in one.get("endpoints") or []
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint.get("addresses") or []
        for number in numbers
        if number
    }


def annotations(obj: dict) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def by_age(objects) -> list[dict]:
    """The oldest first: who came first keeps a host or a listener."""
    return sorted(
        objects, key=lambda o: (o["metadata"].get("creationTimestamp", ""), o["metadata"].get("uid", ""))
    )


@lru_cache(maxsize=256)
def certificate_error(content: bytes) -> str:
    """Why OpenSSL would not serve with this certificate and key, or nothing."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(content)
        file.flush()
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file.name, password="")
        except (ssl.SSLError, ValueError) as error:
            return f"invalid TLS cert or key: {error}"
    return ""
