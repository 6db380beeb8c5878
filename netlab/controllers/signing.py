"""Certificates for approved CertificateSigningRequests, and the end of old requests.

The signers are a real cluster's: each says what a request may ask for, and one that asks for more fails. They
sign by the cluster's own authority, so a client certificate logs its holder in.
"""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509

from netlab import pki
from netlab.store import Event, Store, clock, clone

from .manager import Key

RESOURCE = "certificatesigningrequests.certificates.k8s.io"
_YEAR = 365 * 24 * 3600
_KEPT = {"": 24 * 3600, "Approved": 3600, "Denied": 3600, "Failed": 3600}  # by the condition, in seconds
_CLOCKS = timedelta(minutes=5)  # how far another machine's clock may be behind


@dataclass(frozen=True)
class Signer:
    needed: tuple[str, ...]  # usages
    also: tuple[str, ...]
    check: Callable[[dict], str | None] = lambda names: None  # why these names are not signed

    def refuses(self, usages: list[str], names: dict) -> str | None:
        if missing := [one for one in self.needed if one not in usages]:
            return f"usages did not contain {missing[0]}"
        if others := [one for one in usages if one not in self.needed + self.also]:
            return f"usage {others[0]} is not allowed"
        return self.check(names)


def _of_node(names: dict) -> str | None:
    if names["organizations"] != ["system:nodes"]:
        return "subject organization is not system:nodes"
    if not "".join(names["commonName"]).startswith("system:node:"):
        return "subject common name does not begin with system:node:"
    return None


def _of_node_client(names: dict) -> str | None:
    if any(names[kind] for kind in ("dnsNames", "ipAddresses", "uris", "emailAddresses")):
        return "subjectAltNames are not allowed"
    return _of_node(names)


def _of_node_server(names: dict) -> str | None:
    if names["uris"] or names["emailAddresses"]:
        return "only DNS and IP subjectAltNames are allowed"
    if not names["dnsNames"] and not names["ipAddresses"]:
        return "at least one of DNS or IP subjectAltName is required"
    return _of_node(names)


_CLIENT = "kubernetes.io/kube-apiserver-client"
SIGNERS = {
    _CLIENT: Signer(("client auth",), ("digital signature", "key encipherment")),
    f"{_CLIENT}-kubelet": Signer(
        ("client auth", "digital signature"), ("key encipherment",), _of_node_client
    ),
    "kubernetes.io/kubelet-serving": Signer(
        ("server auth", "digital signature"), ("key encipherment",), _of_node_server
    ),
}


class SigningController:
    name = "csrsigning"

    def __init__(self, store: Store, key: pki.Key, authority: x509.Certificate):
        self._store, self._key, self._authority = store, key, authority

    def concerned(self, event: Event) -> Iterable[Key]:
        if event.resource == RESOURCE and event.type != "DELETED":
            yield (event.object["metadata"]["name"],)

    def sync(self, key: Key) -> float | None:
        request = self._store.find(RESOURCE, None, *key)
        if request is None:
            return None
        signer = SIGNERS.get(request["spec"]["signerName"])
        if signer and _is_waiting(request):
            self._sign(clone(request), signer)
        return self._tidy(self._store.get(RESOURCE, None, *key))

    def _sign(self, request: dict, signer: Signer) -> None:
        spec, status = request["spec"], request["status"]
        try:
            asked = pki.load_request(pki.decoded(spec["request"]))
            if why := signer.refuses(spec["usages"], pki.names_of(asked)):
                raise pki.Unusable(why)
            status["certificate"] = base64.b64encode(self._certificate(asked, spec)).decode()
        except pki.Unusable as error:
            status["conditions"].append(_failure(str(error)))
        self._store.update(RESOURCE, request)

    def _certificate(self, asked: x509.CertificateSigningRequest, spec: dict) -> bytes:
        now = datetime.now(UTC)
        left = int((self._authority.not_valid_after_utc - now).total_seconds())
        seconds = min(spec.get("expirationSeconds", _YEAR), left) + _CLOCKS.total_seconds()
        wanted = {"usages": spec["usages"], "duration": f"{int(seconds)}s"}
        return pki.pem_of(pki.sign(asked, wanted, self._key, self._authority, now - _CLOCKS))

    def _tidy(self, request: dict) -> float | None:
        """Remove what nobody has needed for long; else the seconds until then."""
        conditions = request.get("status", {}).get("conditions", [])
        last = conditions[-1] if conditions else {"type": ""}
        since = last.get("lastUpdateTime") or request["metadata"]["creationTimestamp"]
        left = _KEPT.get(last["type"], _KEPT[""]) - clock.seconds_since(since)
        if left > 0:
            return left
        self._store.delete(RESOURCE, None, request["metadata"]["name"])
        return None


def _is_waiting(request: dict) -> bool:
    status = request.get("status", {})
    decided = {one["type"] for one in status.get("conditions", [])}
    return "Approved" in decided and "Failed" not in decided and not status.get("certificate")


def _failure(why: str) -> dict:
    stamps = {"lastUpdateTime": clock.now(), "lastTransitionTime": clock.now()}
    told = {"reason": "SignerValidationFailure", "message": why}
    return {"type": "Failed", "status": "True", **told, **stamps}
