"""CertificateRequests: each is approved, then signed by its issuer as soon as that can."""

from collections.abc import Callable
from datetime import datetime

from netlab import pki
from netlab.store import Store, clock, events, full_name, key_of

from . import (
    GROUP,
    KEY_SECRET,
    REQUESTS,
    TLS_KEY,
    annotation,
    coded,
    condition,
    data_of,
    is_true,
    issuer_kind,
    issuers,
    put_condition,
)

_APPROVED = "Certificate request has been approved by cert-manager.io"
_ISSUED = "Certificate fetched from issuer successfully"


class _Pending(Exception):
    """Not now: the issuer or a Secret is missing. `reason` is the event's."""

    def __init__(self, reason: str, text: str):
        super().__init__(text)
        self.reason = reason


class Requests:
    def __init__(self, store: Store, tell: Callable[[str], None]):
        self._store, self._tell = store, tell

    def sync(self, request: dict, now: datetime) -> None:
        if condition(request, "Ready").get("reason") in ("Issued", "Failed"):
            return
        if not is_true(request, "Approved"):
            self._settle(request, "Approved", True, GROUP, _APPROVED, event=GROUP)
            return
        try:
            chain, authority = self._sign(request, now)
        except _Pending as pending:
            self._settle(request, "Ready", False, "Pending", str(pending), event=pending.reason)
        except pki.Unusable as error:
            message = f"Error signing certificate: {error}"
            failed = {"failureTime": clock.now()}
            self._settle(request, "Ready", False, "Failed", message, event="ErrorSigning", also=failed)
        else:
            signed = {"certificate": coded(chain), **({"ca": coded(authority)} if authority else {})}
            self._settle(request, "Ready", True, "Issued", _ISSUED, event="CertificateIssued", also=signed)
            self._tell(f'"certificate issued" request="{full_name(request)}"')

    def _sign(self, request: dict, now: datetime) -> tuple[bytes, bytes]:
        """The PEM of the chain and of its highest issuer."""
        reference, namespace = request["spec"]["issuerRef"], request["metadata"]["namespace"]
        issuer = issuers.find(self._store, reference, namespace)
        kind = issuer_kind(reference)
        if issuer is None:
            name = f'{kind.lower()}.{GROUP} "{reference["name"]}"'
            raise _Pending("IssuerNotFound", f'Referenced "{kind}" not found: {name} not found')
        if not is_true(issuer, "Ready"):
            raise _Pending("IssuerNotReady", "Referenced issuer does not have a Ready status condition")
        asked = pki.load_request(data_of({"data": request["spec"]}, "request"))
        if "selfSigned" in issuer["spec"]:
            key = self._own_key(request)
            if not pki.same_key(asked, key):
                raise pki.Unusable("CSR not signed by referenced private key")
            made = pki.sign(asked, request["spec"], key, None, now)
            return pki.bundle(made, ())
        try:
            key, authorities = issuers.key_pair(self._store, issuer)
        except issuers.NoKeyPair as error:  # gone since the issuer was found ready
            raise _Pending("ErrorParsingSecret", str(error)) from error
        made = pki.sign(asked, request["spec"], key, authorities[0], now)
        return pki.bundle(made, authorities)

    def _own_key(self, request: dict) -> pki.Key:
        name, namespace = annotation(request, KEY_SECRET), request["metadata"]["namespace"]
        if not name:
            raise pki.Unusable(f'Annotation "{KEY_SECRET}" missing or reference empty: secret name missing')
        secret = self._store.find("secrets", namespace, name)
        if secret is None:
            raise _Pending("MissingSecret", f"Referenced secret {namespace}/{name} not found")
        return pki.load_key(data_of(secret, TLS_KEY))

    def _settle(
        self,
        request: dict,
        kind: str,
        is_so: bool,
        reason: str,
        message: str,
        *,
        event: str,
        also: dict | None = None,
    ) -> None:
        def change(obj: dict) -> None:
            put_condition(obj, kind, is_so, reason, message)
            obj["status"].update(also or {})

        before = condition(request, kind).get("message")
        self._store.mutate(REQUESTS, *key_of(request), change)
        if before != message:
            level = "Warning" if reason == "Failed" else "Normal"
            component = "cert-manager-certificaterequests"
            events.record(self._store, request, event, message, type=level, component=component)
