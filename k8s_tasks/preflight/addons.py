"""What clusters have only by an add-on: certificates and metrics."""

from django.utils.translation import gettext_noop as _

from curriculum.enums import Capability
from k8s_tasks.cluster.errors import NotFound, Refused
from k8s_tasks.preflight.findings import Finding, absent, present
from k8s_tasks.preflight.scene import Scene

CERTIFICATE_SECONDS = 15
_CERT_MANAGER = "cert-manager.io/v1"
_METRICS = "/apis/metrics.k8s.io/v1beta1/nodes"


async def probe_certificates(scene: Scene) -> dict[Capability, Finding]:
    try:
        await scene.api.request("GET", f"/apis/{_CERT_MANAGER}")
    except NotFound:
        return {Capability.CERTIFICATES: absent(_("The cluster does not serve cert-manager.io/v1."))}
    await scene.make(_of_cert_manager("Issuer", {"selfSigned": {}}))
    wanted = {"secretName": "probe", "dnsNames": ["preflight.redes.invalid"], "issuerRef": {"name": "probe"}}
    certificate = _of_cert_manager("Certificate", wanted)
    if await scene.wait(certificate, "certificates", _is_ready, seconds=CERTIFICATE_SECONDS):
        finding = present(_("A self-signed Certificate became Ready."))
    else:
        words = _("A self-signed Certificate was not Ready within %(seconds)s s.")
        finding = absent(words, seconds=CERTIFICATE_SECONDS)
    return {Capability.CERTIFICATES: finding}


def _of_cert_manager(kind: str, spec: dict) -> dict:
    return {"apiVersion": _CERT_MANAGER, "kind": kind, "metadata": {"name": "probe"}, "spec": spec}


def _is_ready(made: dict) -> bool:
    conditions = made.get("status", {}).get("conditions") or []
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


async def probe_metrics(scene: Scene) -> dict[Capability, Finding]:
    try:
        listed = await scene.api.request("GET", _METRICS)
    except NotFound:
        finding = absent(_("The cluster does not serve metrics.k8s.io."))
    except Refused as error:
        finding = absent(_("metrics.k8s.io does not answer for nodes: %(error)s"), error=str(error))
    else:
        finding = decide_metrics(listed["items"])
    return {Capability.METRICS: finding}


def decide_metrics(nodes: list[dict]) -> Finding:
    if nodes and all(node.get("usage", {}).get("cpu") for node in nodes):
        return present(_("metrics.k8s.io tells what each node uses."))
    return absent(_("metrics.k8s.io answers, but tells of no node."))
