"""Ways into the cluster: an address for a Service, a controller for an Ingress."""

import asyncio
import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from k8s_tasks.cluster.doors import close_doors, open_door
from k8s_tasks.cluster.errors import ClusterError, Refused
from k8s_tasks.preflight.agents import ask_workers
from k8s_tasks.preflight.findings import Finding, absent, present
from k8s_tasks.preflight.scene import LABEL, Scene

SECONDS = 5
_PROBE = ("networking.k8s.io/v1", "ingresses", "metadata.name=probe")
ADDRESS_SECONDS = 5  # after the controller was seen to work
TLS_SECONDS = 15  # a handshake takes milliseconds; a machine that is busy, seconds
TLS_TRIES, TLS_PAUSE = 10, 0.5
INGRESS_SECONDS = 20  # where there is a class, its controller may be starting still
_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
_HOST = "preflight.redes.invalid"
_DEFAULT = "ingressclass.kubernetes.io/is-default-class"


async def probe_load_balancer(scene: Scene) -> dict[Capability, Finding]:
    try:
        has_address = await scene.wait(_service(), "services", _has_address, seconds=SECONDS)
    except Refused as error:
        finding = absent(_("The cluster refuses Services of type LoadBalancer: %(error)s"), error=str(error))
    else:
        finding = _PRESENT if has_address else _NO_ADDRESS
    return {Capability.LOADBALANCER: finding}


_PRESENT = present(_("A Service of type LoadBalancer was given an address."))
_NO_ADDRESS = absent(
    _("Nobody gave a Service of type LoadBalancer an address within %(seconds)s s."), seconds=SECONDS
)


async def probe_ingress(scene: Scene) -> dict[Capability, Finding]:
    """Whether a controller takes Ingresses up, and which HTTP it then speaks inside TLS."""
    listed = await scene.api.request("GET", _CLASSES)
    name = choose_class(listed["items"])
    if name is None:
        return _nothing(absent(_("The cluster has no IngressClass.")))
    await scene.make(_secret())
    await scene.make(_ingress(name))
    if not await _is_taken_up(scene):
        sentence = _("No controller took up an Ingress of IngressClass %(name)s.")
        return _nothing(absent(sentence, name=name))
    address = await _address(scene)
    if not address:
        return _nothing(absent(_UNADDRESSED, name=name))
    finding = present(_("The controller of IngressClass %(name)s took up an Ingress."), name=name)
    http2 = await _http2(scene, address)
    return {Capability.INGRESS: replace(finding, address=address), Capability.HTTP2: http2}


def _nothing(finding: Finding) -> dict[Capability, Finding]:
    return {Capability.INGRESS: finding, Capability.HTTP2: finding}


async def _http2(scene: Scene, address: str) -> Finding:
    """By the protocol that is agreed on in a TLS handshake, seen from a node: RFC 7301."""
    said = ""
    for _try in range(TLS_TRIES):  # nginx reloads a moment after the status was written
        answers = await ask_workers(
            scene.api, lambda agent: agent.run(_handshake(address), seconds=TLS_SECONDS)
        )
        said = next(iter(answers.values())).stdout.decode(errors="replace")
        if "ALPN protocol: h2" in said:
            return present(_("The ingress controller speaks HTTP/2 inside TLS."))
        if "No ALPN" in said:
            break
        await asyncio.sleep(TLS_PAUSE)
    return absent(_("The ingress controller speaks no HTTP/2 inside TLS."))


def _handshake(address: str) -> list[str]:
    client = f"openssl s_client -connect {address}:443 -servername {_HOST} -alpn h2,http/1.1 </dev/null 2>&1"
    return ["sh", "-c", f"timeout {TLS_SECONDS - 1} {client}"]


async def probe_tcp_listener(scene: Scene) -> dict[Capability, Finding]:
    try:
        await open_door(scene.api, scene.namespace, {LABEL: scene.namespace})
    except ClusterError as error:
        sentence = _("The ingress controller takes no listeners for TCP: %(error)s")
        return {Capability.TCP_LISTENER: absent(sentence, error=str(error))}
    try:
        taken_up = await scene.wait(
            _transport_server(scene.namespace), "transportservers", _is_accepted, seconds=INGRESS_SECONDS
        )
    finally:
        await close_doors(scene.api, f"{LABEL}={scene.namespace}")
    return {Capability.TCP_LISTENER: _LISTENS if taken_up else _NO_LISTENER}


_LISTENS = present(_("The ingress controller took up a TransportServer on a listener for TCP."))
_NO_LISTENER = absent(
    _("The ingress controller took up no TransportServer within %(seconds)s s."), seconds=INGRESS_SECONDS
)


_UNADDRESSED = _(
    "The controller of IngressClass %(name)s took up an Ingress but told no address of its own in its status."
)


async def _address(scene: Scene) -> str:
    """What the controller wrote into the Ingress' status; it may come a moment after its event."""
    seen = scene.sees(*_PROBE, lambda made: bool(_addresses(made)), seconds=ADDRESS_SECONDS)
    if not await seen:
        return ""
    path = f"/apis/networking.k8s.io/v1/namespaces/{scene.namespace}/ingresses/probe"
    return next(iter(_addresses(await scene.api.request("GET", path))), "")


def choose_class(classes: list[dict]) -> str | None:
    """The default one, else the first."""

    def order(each: dict):
        is_default = (each["metadata"].get("annotations") or {}).get(_DEFAULT) == "true"
        return not is_default, each["metadata"]["name"]

    return min(classes, key=order)["metadata"]["name"] if classes else None


async def _is_taken_up(scene: Scene) -> bool:
    """By an address or by an event, whichever comes first: not every controller gives both."""
    event = "involvedObject.kind=Ingress,involvedObject.name=probe"
    words = [
        scene.sees(*_PROBE, lambda made: bool(_addresses(made)), seconds=INGRESS_SECONDS),
        scene.sees("v1", "events", event, bool, seconds=INGRESS_SECONDS),
    ]
    waiting = [asyncio.create_task(each) for each in words]
    try:
        for first in asyncio.as_completed(waiting):
            if await first:
                return True
        return False
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _has_address(made: dict) -> bool:
    return bool(made.get("status", {}).get("loadBalancer", {}).get("ingress"))


def _addresses(made: dict) -> list[str]:
    """A name is none: on some clouds there is only that, and it is resolved outside the cluster."""
    told = made.get("status", {}).get("loadBalancer", {}).get("ingress") or []
    return [each["ip"] for each in told if each.get("ip")]


def _service() -> dict:
    ports = [{"name": "probe", "port": 80, "protocol": "TCP", "targetPort": 7002}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "probe"},
        "spec": {"type": "LoadBalancer", "selector": {"app": "server"}, "ports": ports},
    }


def _ingress(name: str) -> dict:
    backend = {"service": {"name": "probe", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "probe"},
        "spec": {
            "ingressClassName": name,
            "tls": [{"hosts": [_HOST], "secretName": "probe"}],
            "rules": [{"host": _HOST, "http": {"paths": paths}}],
        },
    }


def _secret() -> dict:
    """A certificate that signs itself, for an hour."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _HOST)])
    made = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - timedelta(minutes=5),
        not_valid_after=now + timedelta(hours=1),
        extensions=[x509.Extension(x509.SubjectAlternativeName.oid, False, _alternative_name())],
    ).sign(key, hashes.SHA256())
    encoding, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    pem_key = key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
    data = {"tls.crt": made.public_bytes(encoding), "tls.key": pem_key}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "probe"},
        "type": "kubernetes.io/tls",
        "data": {name: base64.b64encode(pem).decode() for name, pem in data.items()},
    }


def _alternative_name() -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName([x509.DNSName(_HOST)])


def _transport_server(listener: str) -> dict:
    return {
        "apiVersion": "k8s.nginx.org/v1",
        "kind": "TransportServer",
        "metadata": {"name": "probe"},
        "spec": {
            "listener": {"name": listener, "protocol": "TCP"},
            "upstreams": [{"name": "probe", "service": "probe", "port": 80}],
            "action": {"pass": "probe"},
        },
    }


def _is_accepted(made: dict) -> bool:
    return made.get("status", {}).get("state") in ("Valid", "Warning")
