"""Ways into the cluster: an address for a Service, a controller for an Ingress."""

import asyncio
from dataclasses import replace

from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from k8s_tasks.cluster.errors import Refused
from k8s_tasks.preflight.findings import Finding, absent, present
from k8s_tasks.preflight.scene import Scene

SECONDS = 5
_PROBE = ("networking.k8s.io/v1", "ingresses", "metadata.name=probe")
ADDRESS_SECONDS = 5  # after the controller was seen to work
INGRESS_SECONDS = 20  # where there is a class, its controller may be starting still
_CLASSES = "/apis/networking.k8s.io/v1/ingressclasses"
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
    listed = await scene.api.request("GET", _CLASSES)
    name = choose_class(listed["items"])
    if name is None:
        return {Capability.INGRESS: absent(_("The cluster has no IngressClass."))}
    await scene.make(_ingress(name))
    if not await _is_taken_up(scene):
        return {
            Capability.INGRESS: absent(
                _("No controller took up an Ingress of IngressClass %(name)s."), name=name
            )
        }
    address = await _address(scene)
    if not address:
        return {Capability.INGRESS: absent(_UNADDRESSED, name=name)}
    finding = present(_("The controller of IngressClass %(name)s took up an Ingress."), name=name)
    return {Capability.INGRESS: replace(finding, address=address)}


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
            "rules": [{"host": "preflight.redes.invalid", "http": {"paths": paths}}],
        },
    }
