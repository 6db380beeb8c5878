"""cert-manager's part on netlab: certificates by Issuers that sign themselves or by a CA, kept in Secrets.

A Certificate goes the original's way: a condition says why it is to be issued, the next key waits in a Secret
of its own, a CertificateRequest asks the issuer, and its answer comes into the Certificate's Secret.
`controller` looks at all objects after each change and takes each one step further; what a step writes is the
cause of the next look. It is a part of netlab's server (netlab/node/agents.py) in cert-manager's own pod.
"""

import base64

from netlab.store import clock, condition

GROUP = "cert-manager.io"
API_VERSION = f"{GROUP}/v1"
NAMESPACE = "cert-manager"  # where a ClusterIssuer's Secret lies
ISSUERS, CLUSTER_ISSUERS = f"issuers.{GROUP}", f"clusterissuers.{GROUP}"
CERTIFICATES, REQUESTS = f"certificates.{GROUP}", f"certificaterequests.{GROUP}"
INGRESSES = "ingresses.networking.k8s.io"
CERTIFICATE_NAME = f"{GROUP}/certificate-name"
REVISION = f"{GROUP}/certificate-revision"
KEY_SECRET = f"{GROUP}/private-key-secret-name"
NEXT_KEY = f"{GROUP}/next-private-key"
TLS_CERTIFICATE, TLS_KEY, TLS_CA = "tls.crt", "tls.key", "ca.crt"


def annotation(obj: dict, name: str) -> str:
    return (obj["metadata"].get("annotations") or {}).get(name, "")


def generation(obj: dict) -> int:
    return obj["metadata"].get("generation", 1)


def is_true(obj: dict, kind: str) -> bool:
    return condition(obj, kind).get("status") == "True"


def put_condition(obj: dict, kind: str, is_so: bool, reason: str, message: str) -> None:
    """Edits the object in place; the time of transition is that of the last change between True and False."""
    before, status = condition(obj, kind), str(is_so)
    same = before.get("status") == status
    made = {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": (same and before.get("lastTransitionTime")) or clock.now(),
        "observedGeneration": generation(obj),
    }
    drop_condition(obj, kind)
    obj["status"]["conditions"] = sorted([*obj["status"]["conditions"], made], key=lambda one: one["type"])


def drop_condition(obj: dict, kind: str) -> None:
    status = obj.setdefault("status", {})
    status["conditions"] = [one for one in status.get("conditions") or [] if one["type"] != kind]


def data_of(secret: dict | None, key: str) -> bytes:
    """Empty where there is none, or no base64."""
    try:
        return base64.b64decode(((secret or {}).get("data") or {}).get(key, ""))
    except ValueError:
        return b""


def coded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def issuer_kind(reference: dict) -> str:
    return reference.get("kind") or "Issuer"
